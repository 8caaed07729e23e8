//! asma_mask against its definition, pixel by pixel.

use asma::kernels::asma_mask::{self, ADAPTIVE, CLASS_ATTACKED, COUNT, IGNORE, MARGIN, WRITE_SEED};
use asma::{Shape, cpu};
use rand::RngExt;

use crate::strided::{Strided, Tolerance, index, many, places};

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
        // Some equal logits.
        for value in &mut logits.buffer {
            *value = (*value * 3.0).round();
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
        let flags = random.random_range(0..16);
        let parity = random.random_range(0..2);
        let params = asma_mask::Params {
            logits: logits.view,
            seed: seed.view,
            extent: shape.into(),
            class_count: class_count as u32,
            flags,
            parity,
        };

        let length = asma_mask::counts_length(class_count);
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
                let margin = flags & MARGIN != 0;
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
            cpu::asma_mask::run(&params, &logits.buffer, &target, &classes, seed, &mut counts)
        };
        seed.check(exact, false, run, &expected_seed);
        assert_eq!(counts, expected_counts);
    });
}
