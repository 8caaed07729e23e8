//! The kernels of the attacks for the smallest perturbation against their definitions in float64, and seeds against central
//! differences of the losses that they are gradients of.

use asma::cpu;
use asma::kernels::alma_constraints::TARGETED;
use asma::kernels::alma_seed::{self, PLANES, PUBLISHED};
use asma::kernels::ledger::{STATE, STATE_ITERATION, STATE_LENGTH, counts_length};
use asma::kernels::minimal_settle::{COUNTED, STATE_SCALE, STATE_SCHEDULE, ledger_length, sums_length};
use asma::kernels::select::{self, LENGTH, PASSES};
use asma::kernels::{Extent, View, alma_constraints, pdpgd_seed};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::strided::{Tolerance, many};

/// A few roundings of float32, and of slopes that are a hundred times as large as what is left of them.
const SLOPES: Tolerance = Tolerance {
    absolute: 2e-5,
    relative: 1e-4,
};

/// One sample's pixels in a row, and what the kernels leave of them.
struct Pixels {
    extent: Extent,
    targeted: bool,
    logits: Vec<f32>,
    labels: Vec<u32>,
    counts: Vec<u32>,
    selection: Vec<u32>,
    ledger: Vec<u32>,
    seed: Vec<f32>,
    multipliers: Vec<f32>,
    duals: Vec<f32>,
    sums: Vec<f32>,
}

impl Pixels {
    fn new(channels: u32, targeted: bool, logits: Vec<f32>, labels: Vec<u32>) -> Pixels {
        let pixels = labels.len();
        let extent = Extent {
            n: 1,
            c: channels,
            h: 1,
            w: pixels as u32,
        };
        let mut ledger = vec![0; ledger_length(extent, 1)];
        let classes = channels.max(2);
        ledger[COUNTED] = labels.iter().filter(|label| **label < classes).count() as u32;
        for state in [STATE, STATE + STATE_LENGTH] {
            ledger[state + STATE_SCALE] = 1f32.to_bits();
            ledger[state + STATE_SCHEDULE + 3] = 0.1f32.to_bits();
        }
        Pixels {
            extent,
            targeted,
            seed: vec![9.0; logits.len()],
            logits,
            labels,
            counts: vec![0; 2 * counts_length(classes as usize)],
            selection: vec![0; LENGTH],
            ledger,
            multipliers: vec![f32::NAN; PLANES * pixels],
            duals: vec![f32::NAN; pdpgd_seed::PLANES * pixels],
            sums: vec![0.0; sums_length(extent)],
        }
    }

    fn classes(&self) -> u32 {
        self.extent.c.max(2)
    }

    fn flags(&self) -> u32 {
        if self.targeted { TARGETED } else { 0 }
    }

    /// ALMA-prox's constraints, selection and penalties of an iteration.
    fn penalise(&mut self, iteration: u32, rank: u32, more: u32) {
        let parity = iteration % 2;
        self.ledger[STATE + parity as usize * STATE_LENGTH + STATE_ITERATION] = iteration;
        self.counts.fill(0);
        let view = View::dense(self.extent.into());
        let mut ratios = vec![9.0; self.labels.len()];
        let params = alma_constraints::Params {
            logits: view,
            extent: self.extent,
            class_count: self.classes(),
            flags: self.flags(),
            parity,
        };
        cpu::alma_constraints::run(&params, &self.logits, &self.labels, &mut ratios, &mut self.counts);
        for number in 0..PASSES {
            let params = select::Params {
                extent: Extent { c: 1, ..self.extent },
                class_count: self.classes(),
                number,
                rank_offset: 0,
                rank_stride: 0,
            };
            cpu::select::run(&params, &ratios, &self.labels, &[rank], &mut self.selection);
        }
        let params = alma_seed::Params {
            logits: view,
            seed: view,
            extent: self.extent,
            class_count: self.classes(),
            flags: self.flags() | more,
            parity,
            ledger_length: self.ledger.len() as u32,
        };
        cpu::alma_seed::run(
            &params,
            &self.logits,
            &self.labels,
            &self.counts,
            &self.selection,
            &self.ledger,
            &mut self.seed,
            &mut self.multipliers,
            &mut self.sums,
        );
    }

    /// PDPGD's dual weights of an iteration.
    fn weigh(&mut self, iteration: u32) {
        let parity = iteration % 2;
        self.ledger[STATE + parity as usize * STATE_LENGTH + STATE_ITERATION] = iteration;
        let view = View::dense(self.extent.into());
        let params = pdpgd_seed::Params {
            logits: view,
            seed: view,
            extent: self.extent,
            class_count: self.classes(),
            flags: self.flags(),
            parity,
            ledger_length: self.ledger.len() as u32,
        };
        cpu::pdpgd_seed::run(
            &params,
            &self.logits,
            &self.labels,
            &self.ledger,
            &mut self.seed,
            &mut self.duals,
            &mut self.counts,
            &mut self.sums,
        );
    }

    /// The loss that the last call of this parity left.
    fn loss(&self, parity: usize) -> f64 {
        let half = self.sums.len() / 2;
        self.sums[parity * half..(parity + 1) * half]
            .iter()
            .step_by(2)
            .map(|&loss| f64::from(loss))
            .sum()
    }

    /// The logits of the classes of a pixel.
    fn classes_of(&self, logits: &[f64], pixel: usize) -> Vec<f64> {
        let pixels = self.labels.len();
        match self.extent.c {
            1 => vec![-logits[pixel], logits[pixel]],
            channels => (0..channels as usize)
                .map(|c| logits[c * pixels + pixel])
                .collect(),
        }
    }

    fn counts_pixel(&self, pixel: usize) -> bool {
        self.labels[pixel] < self.classes()
    }

    /// s (z_y − max of the others).
    fn difference(&self, logits: &[f64], pixel: usize) -> f64 {
        let z = self.classes_of(logits, pixel);
        let label = self.labels[pixel] as usize;
        let others = z.iter().enumerate().filter(|(class, _)| *class != label);
        let largest = others.fold(f64::NEG_INFINITY, |largest, (_, &z)| largest.max(z));
        (z[label] - largest) * if self.targeted { -1.0 } else { 1.0 }
    }

    fn ratio(&self, logits: &[f64], pixel: usize) -> f64 {
        let mut z = self.classes_of(logits, pixel);
        z.sort_by(|a, b| b.total_cmp(a));
        let spread = match (self.targeted, z.len()) {
            (false, 3..) => z[0] - z[2] + 1e-8,
            (true, 4..) => z[0] - 0.5 * (z[2] + z[3]) + 1e-8,
            _ => 1.0,
        };
        let tolerance = if self.targeted { -1e-4 } else { 1e-4 };
        (self.difference(logits, pixel) + tolerance) / spread
    }

    fn doubles(&self) -> Vec<f64> {
        self.logits.iter().map(|&logit| f64::from(logit)).collect()
    }

    /// Holds the seed against central differences of `loss`.
    fn check_seed(&self, loss: impl Fn(&[f64]) -> f64) {
        let logits = self.doubles();
        for place in 0..logits.len() {
            let step = 1e-6;
            let at = |offset: f64| {
                let mut moved = logits.clone();
                moved[place] += offset;
                loss(&moved)
            };
            let slope = (at(step) - at(-step)) / (2.0 * step);
            SLOPES.check(f64::from(self.seed[place]), slope, place);
        }
    }
}

/// P(c) of ALMA-prox.
fn penalty(c: f64, mu: f64, rho: f64) -> f64 {
    if c >= 0.0 {
        mu * c + mu * rho * c * c + rho * rho * c * c * c / 6.0
    } else {
        mu * c / (1.0 - rho.max(1.0) * c)
    }
}

/// Its derivative, by the formula.
fn slope(c: f64, mu: f64, rho: f64) -> f64 {
    if c >= 0.0 {
        mu + 2.0 * mu * rho * c + rho * rho * c * c / 2.0
    } else {
        mu / (1.0 - rho.max(1.0) * c).powi(2)
    }
}

/// Logits no two of which are so close that a difference of them jumps, of 12 pixels, and labels.
fn random_pixels(random: &mut StdRng, channels: u32, targeted: bool) -> Pixels {
    let pixels = 12;
    let labels = (0..pixels)
        .map(|_| {
            let label = random.random_range(0..=channels.max(2));
            if label == channels.max(2) { 255 } else { label }
        })
        .collect();
    let mut places: Vec<usize> = Vec::new();
    let logits = (0..channels as usize * pixels)
        .map(|place| {
            // Steps of 0.4, each used once a pixel; some noise besides.
            let of_pixel = (place / pixels..place / pixels + 1).map(|c| 7 * c + 3 * (place % pixels));
            let step = of_pixel.sum::<usize>() % 11;
            places.push(step);
            0.4 * step as f32 - 2.0 + random.random_range(0.05..0.2)
        })
        .collect();
    Pixels::new(channels, targeted, logits, labels)
}

#[test]
fn seeds_are_gradients_of_the_penalties_that_are_kept() {
    many(|random| {
        let (channels, targeted) = (random.random_range(1..7), random.random_bool(0.5));
        let mut pixels = random_pixels(random, channels, targeted);
        let rank = random.random_range(0..4);
        pixels.penalise(0, rank, 0);

        let logits = pixels.doubles();
        let all = 0..pixels.labels.len();
        let counted: Vec<usize> = all.filter(|&pixel| pixels.counts_pixel(pixel)).collect();
        let mut ratios: Vec<f64> = counted
            .iter()
            .map(|&pixel| pixels.ratio(&logits, pixel))
            .collect();
        ratios.sort_by(|a, b| b.total_cmp(a));
        let bound = match (rank as usize).min(ratios.len()) {
            0 => f64::INFINITY,
            rank => ratios[rank - 1] + 1e-5,
        };
        let kept: Vec<usize> = counted
            .into_iter()
            .filter(|&p| pixels.ratio(&logits, p) <= bound)
            .collect();
        // Failure or success of so few pixels is that of all or none; either way the scale stays 1 or shrinks a little.
        let totals = &pixels.counts[pixels.counts.len() / 2 - 2..];
        let missing = if targeted {
            totals[1] - totals[0]
        } else {
            totals[0]
        };
        let scale = if missing == 0 { 1.0 / 1.02 } else { 1.0 };
        let loss = |logits: &[f64]| -> f64 {
            kept.iter()
                .map(|&pixel| penalty(scale * pixels.ratio(logits, pixel), 1.0, 0.01))
                .sum()
        };
        SLOPES.check(pixels.loss(0), loss(&logits), "the loss");
        pixels.check_seed(loss);
    });
}

#[test]
fn multipliers_follow_their_rules() {
    many(|random| {
        let published = random.random_bool(0.5);
        let targeted = random.random_bool(0.5);
        let mut pixels = random_pixels(random, 5, targeted);
        let count = pixels.labels.len();
        let (mut mu, mut rho) = (vec![1.0; count], vec![0.01; count]);
        let (mut last, mut seen) = (vec![0.0; count], vec![false; count]);
        let mut scale: f64 = 1.0;
        for iteration in 0..21 {
            // Logits that change from one iteration to the next.
            let by = random.random_range(-0.3f32..0.3);
            pixels
                .logits
                .iter_mut()
                .skip(iteration % 3)
                .step_by(5)
                .for_each(|logit| *logit += by);
            let here = STATE + iteration % 2 * STATE_LENGTH;
            pixels.ledger[here + STATE_SCALE] = (scale as f32).to_bits();
            pixels.penalise(iteration as u32, 2, if published { PUBLISHED } else { 0 });
            let logits = pixels.doubles();
            let counts = pixels.counts.len() / 2;
            let totals = &pixels.counts[(iteration % 2 + 1) * counts - 2..];
            let missing = if pixels.targeted {
                totals[1] - totals[0]
            } else {
                totals[0]
            };
            scale = (scale / if missing == 0 { 1.02 } else { 0.98 }).clamp(0.1, 1.0);
            let mut ratios: Vec<f64> = (0..count)
                .filter(|&pixel| pixels.counts_pixel(pixel))
                .map(|pixel| pixels.ratio(&logits, pixel))
                .collect();
            ratios.sort_by(|a, b| b.total_cmp(a));
            // Near ties a rounding decides; they are left out.
            if ratios.windows(2).take(2).any(|pair| pair[0] - pair[1] < 1e-5) {
                return;
            }
            let bound = ratios.get(1).map_or(f64::INFINITY, |bound| bound + 1e-6);
            for pixel in (0..count).filter(|&pixel| pixels.counts_pixel(pixel)) {
                let c = scale * pixels.ratio(&logits, pixel);
                let keep = pixels.ratio(&logits, pixel) <= bound;
                if iteration == 0 {
                    last[pixel] = c;
                }
                seen[pixel] |= pixels.difference(&logits, pixel) < 0.0;
                if iteration > 0 && (iteration + 1) % 10 == 0 {
                    let improved = if keep { c } else { 0.0 } <= 0.95 * last[pixel];
                    if !seen[pixel] && !improved {
                        rho[pixel] *= 2.0;
                    }
                    (last[pixel], seen[pixel]) = (c, false);
                }
                if iteration > 0 {
                    let mut aim = if keep {
                        slope(c, mu[pixel], rho[pixel])
                    } else {
                        0.0
                    };
                    if published && keep && c >= 0.0 {
                        aim += mu[pixel] * (c - 1.0);
                    }
                    mu[pixel] = (0.8 * mu[pixel] + 0.2 * aim).clamp(1e-12, 1.0);
                }
                let found = |plane: usize| f64::from(pixels.multipliers[plane * count + pixel]);
                SLOPES.check(found(0), mu[pixel], ("μ", iteration, pixel));
                SLOPES.check(found(1), rho[pixel], ("ρ", iteration, pixel));
            }
        }
    });
}

#[test]
fn dual_weights_follow_their_rules_and_seeds_are_gradients() {
    many(|random| {
        let (channels, targeted) = (random.random_range(1..6), random.random_bool(0.5));
        let mut pixels = random_pixels(random, channels, targeted);
        let count = pixels.labels.len();
        let counted: Vec<usize> = (0..count).filter(|&pixel| pixels.counts_pixel(pixel)).collect();
        if counted.is_empty() {
            return;
        }
        let mut duals = vec![-(counted.len() as f64).ln(); count];
        let mut average = vec![0.0; count];
        for iteration in 0..6 {
            pixels.weigh(iteration);
            let total: f64 = 1.0 + counted.iter().map(|&pixel| duals[pixel].exp()).sum::<f64>();
            for &pixel in &counted {
                let weight = duals[pixel].exp() / total;
                average[pixel] = match iteration {
                    0 => weight,
                    _ => 0.9 * average[pixel] + 0.1 * weight,
                };
            }
            let logits = pixels.doubles();
            let loss = |logits: &[f64]| -> f64 {
                let of = |&pixel: &usize| average[pixel] * pixels.difference(logits, pixel).exp().ln_1p();
                counted.iter().map(of).sum()
            };
            SLOPES.check(pixels.loss(iteration as usize % 2), loss(&logits), "the loss");
            pixels.check_seed(loss);
            for &pixel in &counted {
                duals[pixel] += f64::from(0.1f32) * pixels.difference(&logits, pixel).signum();
                SLOPES.check(
                    f64::from(pixels.duals[pixel]),
                    duals[pixel],
                    ("Λ", iteration, pixel),
                );
            }
        }
    });
}

/// At any gap of logits, from none to what float32 hardly holds, over so many iterations that penalties have grown.
#[test]
fn nothing_is_infinite_at_any_gap_of_logits() {
    for channels in [1, 2, 3, 4, 6] {
        for targeted in [false, true] {
            for gap in [0.0, 1e-30, 1e-8, 1.0, 103.0, 164.0, 1e4, 1e30, 1e38] {
                let pixels = 2 * channels.max(2) as usize;
                let labels: Vec<u32> = (0..pixels as u32).map(|pixel| pixel % channels.max(2)).collect();
                let logits = (0..channels as usize * pixels)
                    .map(|place| if place / pixels == place % 2 { gap } else { -gap })
                    .collect();
                let mut pixels = Pixels::new(channels, targeted, logits, labels);
                for iteration in 0..400 {
                    pixels.penalise(iteration, 1, if gap < 1.0 { PUBLISHED } else { 0 });
                    let what = format!("{channels} channels, gap {gap}, iteration {iteration}");
                    assert!(
                        pixels.loss(iteration as usize % 2).is_finite(),
                        "{what}: the loss"
                    );
                    for values in [&pixels.seed, &pixels.multipliers] {
                        assert!(values.iter().all(|value| value.is_finite()), "{what}: {values:?}");
                    }
                }
                for iteration in 0..400 {
                    pixels.weigh(iteration);
                    let what = format!("{channels} channels, gap {gap}, iteration {iteration}");
                    assert!(
                        pixels.loss(iteration as usize % 2).is_finite(),
                        "{what}: the loss"
                    );
                    for values in [&pixels.seed, &pixels.duals] {
                        assert!(values.iter().all(|value| value.is_finite()), "{what}: {values:?}");
                    }
                }
            }
        }
    }
}
