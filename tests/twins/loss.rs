//! loss_sums against plain loops, and loss_gradient against central differences of the loss, which is computed
//! in f64 straight from logits and labels.

use asma::kernels::loss_sums::{self, TERMS};
use asma::kernels::{loss_gradient, sum_partials};
use asma::{Shape, cpu};
use asma_definitions::{index, places};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::strided::{Strided, Tolerance, many};

/// Probabilities of logits up to 100 apart: the rounding of the difference, at most 100 · 2⁻²⁴, is the relative
/// error of what is then small.
const PROBABILITIES: Tolerance = Tolerance {
    absolute: 2e-6,
    relative: 2e-6,
};

/// A probability's error times factors of up to 2, plus the second-order error of the differences.
const GRADIENT: Tolerance = Tolerance {
    absolute: 3e-6,
    relative: 1e-5,
};
const STEP: f64 = 1e-4;

struct Case {
    logits: Strided,
    labels: Vec<u32>,
    class_weights: Vec<f32>,
}

impl Case {
    fn random(random: &mut StdRng) -> Case {
        let shape = Shape::new(
            random.random_range(1..4),
            random.random_range(2..6),
            random.random_range(1..6),
            random.random_range(1..7),
        );
        let mut logits = Strided::random(random, shape);
        let scale = [1.0, 4.0, 100.0][random.random_range(0..3)];
        for value in &mut logits.buffer {
            *value *= scale;
        }
        let classes = shape.c as u32;
        let ignored = [0.0, 0.3, 1.0][random.random_range(0..3)];
        // Often the last class is absent.
        let present = random.random_range(1..=classes);
        let labels = (0..shape.n * shape.pixels())
            .map(|_| match random.random_bool(ignored) {
                true => [255, classes, u32::MAX][random.random_range(0..3)],
                false => random.random_range(0..present),
            })
            .collect();
        let class_weights = (0..shape.c)
            .map(|_| match random.random_range(0..3) {
                0 => 0.0,
                1 => 1.0,
                _ => random.random_range(0.1..3.0),
            })
            .collect();
        Case {
            logits,
            labels,
            class_weights,
        }
    }

    fn label(&self, n: usize, y: usize, x: usize) -> usize {
        let Shape { h, w, .. } = self.logits.shape;
        self.labels[(n * h + y) * w + x] as usize
    }

    /// The logarithm of each class's probability where there is a label, 0 elsewhere.
    fn log_probabilities(&self, logits: &[f64]) -> Vec<f64> {
        let shape = self.logits.shape;
        places(shape)
            .map(|[n, c, y, x]| {
                if self.label(n, y, x) >= shape.c {
                    return 0.0;
                }
                let of = |c: usize| logits[index(shape, [n, c, y, x])];
                -(0..shape.c).map(|k| (of(k) - of(c)).exp()).sum::<f64>().ln()
            })
            .collect()
    }

    /// The five terms of each class over the pixels that `counts` says.
    fn sums(&self, logits: &[f64], counts: impl Fn(usize) -> bool) -> Vec<[f64; TERMS]> {
        let shape = self.logits.shape;
        let mut sums = vec![[0.0; TERMS]; shape.c];
        for ([n, c, y, x], log) in places(shape).zip(self.log_probabilities(logits)) {
            let label = self.label(n, y, x);
            if label >= shape.c || !counts((n * shape.h + y) * shape.w + x) {
                continue;
            }
            sums[c][3] += log.exp();
            if label == c {
                let weight = self.class_weights[c] as f64;
                sums[c][0] -= weight * log;
                sums[c][1] += weight;
                sums[c][2] += log.exp();
                sums[c][4] += 1.0;
            }
        }
        sums
    }

    /// `cross_entropy · CE + dice · (1 − mean Dice of all classes but the first)`.
    fn loss(&self, logits: &[f64], cross_entropy: f64, dice: f64, smoothing: f64) -> f64 {
        let sums = self.sums(logits, |_| true);
        let total = |term: usize| -> f64 { sums.iter().map(|sums| sums[term]).sum() };
        let entropy = if total(1) > 0.0 { total(0) / total(1) } else { 0.0 };
        let overlaps = sums[1..]
            .iter()
            .map(|sums| (2.0 * sums[2] + smoothing) / (sums[3] + sums[4] + smoothing));
        let mean = overlaps.sum::<f64>() / (sums.len() - 1) as f64;
        cross_entropy * entropy + dice * (1.0 - mean)
    }

    fn partials(&self, pixels_per_chunk: usize) -> (loss_sums::Params, Vec<f32>) {
        let shape = self.logits.shape;
        let params = loss_sums::Params {
            logits: self.logits.view,
            extent: shape.into(),
            pixels_per_chunk: pixels_per_chunk as u32,
        };
        let length = params.chunks() as usize * shape.c * TERMS;
        let mut partials = vec![7.0; length + 2];
        cpu::loss_sums::run(
            &params,
            &self.logits.buffer,
            &self.labels,
            &self.class_weights,
            &mut partials,
        );
        assert_eq!(partials[length..], [7.0; 2]);
        partials.truncate(length);
        (params, partials)
    }

    /// As training computes them, in two calls.
    fn totals(&self, pixels_per_chunk: usize) -> Vec<f32> {
        let (params, partials) = self.partials(pixels_per_chunk);
        let mut totals = vec![0.0; self.logits.shape.c * TERMS];
        let summing = sum_partials::Params {
            length: totals.len() as u32,
            chunks: params.chunks(),
            offset: 0,
            accumulate: 0,
        };
        cpu::sum_partials::run(&summing, &partials, &mut totals);
        totals
    }
}

#[test]
fn sums_match_plain_loops() {
    many(|random| {
        let case = Case::random(random);
        let pixels = case.labels.len();
        let pixels_per_chunk = random.random_range(1..pixels + 2);
        let (params, partials) = case.partials(pixels_per_chunk);
        let chunks = pixels.div_ceil(pixels_per_chunk);
        assert_eq!(params.chunks() as usize, chunks);
        let logits = case.logits.dense();
        for chunk in 0..chunks {
            let sums = case.sums(&logits, |pixel| pixel / pixels_per_chunk == chunk);
            let length = case.logits.shape.c * TERMS;
            for (place, &expected) in sums.as_flattened().iter().enumerate() {
                let what = (chunk, place / TERMS, place % TERMS, params);
                PROBABILITIES.check(partials[chunk * length + place] as f64, expected, what);
            }
        }
    });
}

#[test]
fn gradient_is_the_central_difference_of_the_loss() {
    many(|random| {
        let case = Case::random(random);
        let shape = case.logits.shape;
        let pixels_per_chunk = random.random_range(1..case.labels.len() + 2);
        let totals = case.totals(pixels_per_chunk);
        let logits = case.logits.dense();
        for (cross_entropy, dice) in [(1.0, 0.0), (0.0, 1.0), (0.5, 2.0)] {
            let smoothing = [1.0, 1e-3][random.random_range(0..2)];
            let expected: Vec<f64> = (0..shape.elements())
                .map(|element| {
                    let moved = |step: f64| {
                        let mut logits = logits.clone();
                        logits[element] += step;
                        case.loss(&logits, cross_entropy, dice, smoothing)
                    };
                    (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
                })
                .collect();
            let output = Strided::random(random, shape);
            let params = loss_gradient::Params {
                logits: case.logits.view,
                output: output.view,
                extent: shape.into(),
                cross_entropy: cross_entropy as f32,
                dice: dice as f32,
                smoothing: smoothing as f32,
            };
            let run = |out: &mut [f32]| {
                cpu::loss_gradient::run(
                    &params,
                    &case.logits.buffer,
                    &case.labels,
                    &case.class_weights,
                    &totals,
                    out,
                )
            };
            output.check(GRADIENT, false, run, &expected);
        }
    });
}

/// Nothing to learn from is no gradient, rather than NaN: no pixel with a label, or only classes of no weight.
#[test]
fn nothing_to_learn_from_gives_zeros() {
    use rand::SeedableRng;
    let random = &mut StdRng::seed_from_u64(0);
    let shape = Shape::new(1, 3, 2, 2);
    for (labels, class_weights) in [(vec![255; 4], vec![1.0; 3]), (vec![1; 4], vec![1.0, 0.0, 1.0])] {
        let case = Case {
            logits: Strided::random(random, shape),
            labels,
            class_weights,
        };
        let output = Strided::random(random, shape);
        let params = loss_gradient::Params {
            logits: case.logits.view,
            output: output.view,
            extent: shape.into(),
            cross_entropy: 1.0,
            dice: 0.0,
            smoothing: 1.0,
        };
        let totals = case.totals(3);
        let run = |out: &mut [f32]| {
            let Case {
                logits,
                labels,
                class_weights,
            } = &case;
            cpu::loss_gradient::run(&params, &logits.buffer, labels, class_weights, &totals, out)
        };
        output.check(GRADIENT, false, run, &[0.0; 12]);
    }
}
