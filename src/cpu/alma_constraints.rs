//! Twin of [`kernels::alma_constraints`](crate::kernels::alma_constraints).

use rayon::prelude::*;

use super::ranked_classes::{MOST_APART, Ranked, count, for_each_ranked};
use super::rows::sizes;
use crate::kernels::alma_constraints::{LEAST_SPREAD, LOGIT_TOLERANCE, Params, TARGETED, has_spread};
use crate::kernels::ledger::counts_length;

/// The ratio of each pixel, and `counts` added to.
pub fn run(params: &Params, logits: &[f32], labels: &[u32], ratios: &mut [f32], counts: &mut [u32]) {
    let [samples, _, h, w] = sizes(params.extent);
    let length = counts_length(params.class_count as usize);
    let ratio = LogitRatio::new(params.class_count, params.flags & TARGETED != 0);
    for n in 0..samples {
        let pixels = n * h * w..(n + 1) * h * w;
        let of_rows = (
            ratios[pixels.clone()].par_chunks_mut(w),
            labels[pixels].par_chunks(w),
        );
        let counted = of_rows
            .into_par_iter()
            .enumerate()
            .fold(
                || vec![0; length],
                |mut counts, (y, (ratios, labels))| {
                    ratios.fill(0.0);
                    let tensor = (params.logits, params.extent);
                    for_each_ranked(logits, tensor, (n, y), labels, |x, label, ranked| {
                        ratios[x] = ratio.of(&ranked, label);
                        count(&mut counts, label, ranked.classes[0]);
                    });
                    counts
                },
            )
            .reduce(|| vec![0; length], added);
        let counts = &mut counts[(2 * n + params.parity as usize) * length..][..length];
        counts
            .iter_mut()
            .zip(counted)
            .for_each(|(sum, count)| *sum += count);
    }
}

/// Counts of two parts of a sample together.
pub(super) fn added(mut sum: Vec<u32>, more: Vec<u32>) -> Vec<u32> {
    sum.iter_mut().zip(more).for_each(|(sum, count)| *sum += count);
    sum
}

/// How constraints are made of logits.
#[derive(Clone, Copy)]
pub(super) struct LogitRatio {
    pub sign: f32,
    pub has_spread: bool,
    targeted: bool,
}

impl LogitRatio {
    pub fn new(class_count: u32, targeted: bool) -> LogitRatio {
        LogitRatio {
            sign: if targeted { -1.0 } else { 1.0 },
            has_spread: has_spread(class_count as usize, targeted),
            targeted,
        }
    }

    /// What the difference of logits is divided by.
    pub fn spread(&self, ranked: &Ranked) -> f32 {
        if !self.has_spread {
            return 1.0;
        }
        let [first, _, third, fourth] = ranked.logits;
        let low = if self.targeted {
            0.5 * (third + fourth)
        } else {
            third
        };
        (first - low).min(MOST_APART) + LEAST_SPREAD
    }

    /// Below 0 where the pixel is as the attack wants it.
    pub fn of(&self, ranked: &Ranked, label: u32) -> f32 {
        self.sign * ((ranked.margin(label) + LOGIT_TOLERANCE) / self.spread(ranked))
    }
}
