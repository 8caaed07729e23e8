//! objective against its definition, pixel by pixel.

use asma::kernels::ledger::{self, CLASS_ATTACKED, IGNORE};
use asma::kernels::objective::{self, ADAPTIVE, COUNT, LOGIT, MARGIN, WRITE_SEED};
use asma::{Shape, cpu};
use asma_definitions::{index, places};
use rand::RngExt;

use crate::strided::{Strided, Tolerance, many};

/// Predicted class by the definition: the first of the largest logits.
fn predict(logits: &Strided, n: usize, y: usize, x: usize) -> usize {
    let of = |c: usize| logits.buffer[logits.view.at(n, c, y, x)];
    match logits.shape.c {
        1 => (of(0) > 0.0) as usize,
        channels => (1..channels).fold(0, |best, c| if of(c) > of(best) { c } else { best }),
    }
}

#[test]
fn mask_seeds_and_counts() {
    many(|random| {
        let shape = Shape::new(
            random.random_range(1..3),
            random.random_range(1..5),
            random.random_range(1..8),
            random.random_range(1..9),
        );
        let class_count = shape.c.max(2);
        let [mut logits, seed] = [0; 2].map(|_| Strided::random(random, shape));
        // Some equal logits, 0 of one sign alone: the sort below tells −0 and 0 apart.
        for value in &mut logits.buffer {
            *value = (*value * 3.0).round() + 0.0;
        }
        let target: Vec<u32> = (0..shape.n * shape.pixels())
            .map(|_| {
                if random.random_bool(0.2) {
                    IGNORE
                } else {
                    random.random_range(0..class_count as u32)
                }
            })
            .collect();
        let classes: Vec<u32> = (0..class_count).map(|_| random.random_range(0..4)).collect();
        let flags = random.random_range(0..8);
        let objective = random.random_range(LOGIT..=MARGIN);
        let parity = random.random_range(0..2);
        let params = objective::Params {
            logits: logits.view,
            seed: seed.view,
            extent: shape.into(),
            class_count: class_count as u32,
            objective,
            flags,
            parity,
            counts_length: ledger::counts_length(class_count) as u32,
            schedule_rows: 0,
        };

        let length = ledger::counts_length(class_count);
        let mut counts: Vec<u32> = (0..2 * shape.n * length)
            .map(|_| random.random_range(0..9))
            .collect();
        let mut expected_counts = counts.clone();
        let mut expected_seed = vec![0.0; shape.elements()];
        for [n, _, y, x] in places(Shape { c: 1, ..shape }) {
            let label = target[(n * shape.h + y) * shape.w + x];
            if label == IGNORE {
                continue;
            }
            let (label, predicted) = (label as usize, predict(&logits, n, y, x));
            let counts = &mut expected_counts[(2 * n + parity as usize) * length..][..length];
            counts[3 * label] += (label == predicted) as u32;
            counts[3 * label + 1] += 1;
            counts[3 * predicted + 2] += 1;
            counts[3 * class_count] += (label == predicted) as u32;
            counts[3 * class_count + 1] += 1;
            if classes[label] & CLASS_ATTACKED != 0 && (flags & ADAPTIVE == 0 || predicted != label) {
                // The derivative of the wanted logit, less that of the largest other one for the margin.
                let margin = objective == MARGIN;
                if shape.c == 1 {
                    let sign = if label == 1 { 1.0 } else { -1.0 };
                    expected_seed[index(shape, [n, 0, y, x])] = if margin { 2.0 * sign } else { sign };
                } else {
                    expected_seed[index(shape, [n, label, y, x])] = 1.0;
                    if margin {
                        let of = |c: usize| logits.buffer[logits.view.at(n, c, y, x)];
                        let mut others: Vec<usize> = (0..shape.c).filter(|&c| c != label).collect();
                        // A stable sort: of equal logits the first class stays first.
                        others.sort_by(|&a, &b| of(b).total_cmp(&of(a)));
                        expected_seed[index(shape, [n, others[0], y, x])] = -1.0;
                    }
                }
            }
        }
        if flags & COUNT == 0 {
            expected_counts.clone_from(&counts);
        }
        if flags & WRITE_SEED == 0 {
            expected_seed = seed.dense();
        }
        let exact = Tolerance {
            absolute: 0.0,
            relative: 0.0,
        };
        let run = |seed: &mut [f32]| {
            cpu::objective::run(&params, &logits.buffer, &target, &classes, seed, &mut counts)
        };
        seed.check(exact, false, run, &expected_seed);
        assert_eq!(counts, expected_counts);
    });
}

/// The loss of a pixel by its definition, in float64.
fn loss(objective: u32, targeted: bool, z: &[f64], label: usize, weights: (f64, f64)) -> f64 {
    let largest = z.iter().copied().fold(f64::MIN, f64::max);
    let powers: Vec<f64> = z.iter().map(|z| (z - largest).exp()).collect();
    let p = powers[label] / powers.iter().sum::<f64>();
    let rival = (0..z.len())
        .filter(|&c| c != label)
        .map(|c| z[c])
        .fold(f64::MIN, f64::max);
    let mut sorted = z.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let (factor, q) = weights;
    match objective {
        objective::JENSEN_SHANNON => 2f64.ln() + 0.5 * (p * p.ln() - (1.0 + p) * (1.0 + p).ln()),
        objective::TSALLIS => (1.0 - p.powf(1.0 - q)) / (1.0 - q),
        objective::COSINE => 1.0 - z[label] / z.iter().map(|z| z * z).sum::<f64>().sqrt(),
        objective::DIFFERENCE => z[label] - rival,
        objective::RATIO => {
            let lower = if targeted {
                0.5 * (sorted[2] + sorted[3])
            } else {
                sorted[2]
            };
            (z[label] - rival) / (sorted[0] - lower)
        }
        objective::DENSE if targeted => (rival - z[label]).max(0.0),
        objective::DENSE => (z[label] - rival).max(0.0),
        _ => -factor * p.ln(),
    }
}

/// Every seed is the derivative of its loss, by central differences in float64, up or down as the goal has it.
#[test]
fn seeds_are_derivatives_of_losses() {
    many(|random| {
        let objective = random.random_range(objective::CROSS_ENTROPY..=objective::DENSE);
        let targeted = random.random_bool(0.5);
        let classes = random.random_range(4..7usize);
        let label = random.random_range(0..classes);
        let z: Vec<f64> = (0..classes).map(|_| random.random_range(-3.0..3.0)).collect();
        let [parameter, weight] = [0; 2].map(|_| random.random_range(0.1f32..0.9));
        let shape = Shape::new(1, classes, 1, 1);
        let params = objective::Params {
            logits: asma::kernels::View::dense(shape),
            seed: asma::kernels::View::dense(shape),
            extent: shape.into(),
            class_count: classes as u32,
            objective,
            flags: WRITE_SEED | objective::LOSS | if targeted { objective::TARGETED } else { 0 },
            parity: 0,
            counts_length: ledger::counts_and_losses_length(classes, 1) as u32,
            schedule_rows: 1,
        };
        let mut settings = vec![CLASS_ATTACKED; classes];
        settings.extend(vec![weight.to_bits(); classes]);
        settings.extend([0; ledger::SCHEDULE_LENGTH]);
        settings[2 * classes + ledger::SCHEDULE_PARAMETER] = parameter.to_bits();
        let logits: Vec<f32> = z.iter().map(|&z| z as f32).collect();
        let mut seed = vec![0.0; classes];
        let mut counts = vec![0; 2 * params.counts_length as usize];
        cpu::objective::run(
            &params,
            &logits,
            &[label as u32],
            &settings,
            &mut seed,
            &mut counts,
        );

        // What the derivative takes for a constant.
        let z: Vec<f64> = logits.iter().map(|&z| z.into()).collect();
        let largest = z.iter().copied().fold(f64::MIN, f64::max);
        let powers: Vec<f64> = z.iter().map(|z| (z - largest).exp()).collect();
        let predicted = (0..classes).fold(0, |best, c| if z[c] > z[best] { c } else { best });
        let meant = (predicted == label) != targeted;
        let cosine = powers[label] / powers.iter().map(|p| p * p).sum::<f64>().sqrt();
        let factor = match objective {
            objective::SEG_PGD if meant => 1.0 - f64::from(parameter),
            objective::SEG_PGD => parameter.into(),
            objective::COS_PGD if targeted => 1.0 - cosine,
            objective::COS_PGD => cosine,
            objective::MASKED_CROSS_ENTROPY => f64::from(u8::from(meant)),
            objective::WEIGHTED_CROSS_ENTROPY => f64::from(u8::from(meant)) * f64::from(weight),
            _ => 1.0,
        };
        let of = |z: &[f64]| loss(objective, targeted, z, label, (factor, parameter.into()));
        let falls = match objective {
            objective::DIFFERENCE | objective::RATIO => !targeted,
            objective::DENSE => true,
            _ => targeted,
        };
        let sign = if falls { -1.0 } else { 1.0 };
        for c in 0..classes {
            let step = 1e-6;
            let [mut up, mut down] = [z.clone(), z.clone()];
            up[c] += step;
            down[c] -= step;
            let wanted = sign * (of(&up) - of(&down)) / (2.0 * step);
            let found = f64::from(seed[c]);
            assert!(
                (found - wanted).abs() <= 1e-4 + 1e-4 * wanted.abs(),
                "objective {objective}, targeted {targeted}, class {c} of {z:?}, label {label}: {found}, want {wanted}"
            );
        }
        let sums = &counts[ledger::counts_length(classes) + 1..];
        let (found, wanted) = (f64::from(f32::from_bits(sums[0])), of(&z));
        assert!(
            (found - wanted).abs() <= 1e-4 + 1e-4 * wanted.abs(),
            "objective {objective}: {found}, want {wanted}"
        );
    });
}
