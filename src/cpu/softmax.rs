//! Twin of [`kernels::softmax`](crate::kernels::softmax).

use rayon::prelude::*;

use super::rows::{for_each_row, row, sizes};
use crate::kernels::softmax::Params;

/// `output_c = e^(input_c − m) / Σ_k e^(input_k − m)` with `m` the largest of a pixel's logits.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    let [samples, channels, h, w] = sizes(params.extent);
    // Largest logit and sum of powers of each pixel, row by row.
    let statistics: Vec<Vec<(f32, f32)>> = (0..samples * h)
        .into_par_iter()
        .map(|line| {
            let (n, y) = (line / h, line % h);
            let mut pixels = vec![(f32::NEG_INFINITY, 0.0); w];
            for c in 0..channels {
                for (pixel, &logit) in pixels.iter_mut().zip(row(input, params.input, n, c, y, w)) {
                    pixel.0 = pixel.0.max(logit);
                }
            }
            for c in 0..channels {
                for (pixel, &logit) in pixels.iter_mut().zip(row(input, params.input, n, c, y, w)) {
                    pixel.1 += (logit - pixel.0).exp();
                }
            }
            pixels
        })
        .collect();
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let input = row(input, params.input, n, c, y, w);
        for ((out, &logit), &(largest, sum)) in out.iter_mut().zip(input).zip(&statistics[n * h + y]) {
            *out = (logit - largest).exp() / sum;
        }
    });
}
