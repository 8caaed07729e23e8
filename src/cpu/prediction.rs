//! Twin of [`kernels::prediction`](crate::kernels::prediction).

use rayon::prelude::*;

use super::rows::sizes;
use crate::kernels::prediction::{NO_CLASS, Params};

/// The class of each pixel, four to a word of `labels`.
pub fn run(params: &Params, logits: &[f32], labels: &mut [u32]) {
    let [samples, channels, h, w] = sizes(params.extent);
    let words = Params::words_of_sample(params.extent);
    let logit = |n: usize, c: usize, pixel: usize| logits[params.logits.at(n, c, pixel / w, pixel % w)];
    let label = |n: usize, pixel: usize| {
        let mut largest = logit(n, 0, pixel);
        let mut predicted = if channels == 1 { u8::from(largest > 0.0) } else { 0 };
        let mut all_finite = largest.is_finite();
        for c in 1..channels {
            let logit = logit(n, c, pixel);
            all_finite &= logit.is_finite();
            if logit > largest {
                (largest, predicted) = (logit, c as u8);
            }
        }
        if all_finite { predicted } else { NO_CLASS }
    };
    for (n, labels) in labels.chunks_mut(words).take(samples).enumerate() {
        labels.par_iter_mut().enumerate().for_each(|(word, packed)| {
            let label = |i: usize| match 4 * word + i {
                pixel if pixel < h * w => label(n, pixel),
                _ => 0,
            };
            *packed = u32::from_le_bytes([0, 1, 2, 3].map(label));
        });
    }
}
