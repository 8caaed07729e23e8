//! Twin of [`kernels::softmax_adjoint`](crate::kernels::softmax_adjoint).

use rayon::prelude::*;

use super::rows::{for_each_row, put, row, sizes};
use crate::kernels::softmax_adjoint::Params;

/// `output_c = p_c (gradient_c − Σ_k p_k gradient_k)`, or added to `output`.
pub fn run(params: &Params, probabilities: &[f32], gradient: &[f32], output: &mut [f32]) {
    let [samples, channels, h, w] = sizes(params.extent);
    let accumulate = params.accumulate != 0;
    // Σ_k p_k gradient_k of each pixel, row by row.
    let sums: Vec<Vec<f32>> = (0..samples * h)
        .into_par_iter()
        .map(|line| {
            let (n, y) = (line / h, line % h);
            let mut sums = vec![0.0; w];
            for c in 0..channels {
                let probabilities = row(probabilities, params.probabilities, n, c, y, w);
                let gradient = row(gradient, params.gradient, n, c, y, w);
                for ((sum, p), gradient) in sums.iter_mut().zip(probabilities).zip(gradient) {
                    *sum += p * gradient;
                }
            }
            sums
        })
        .collect();
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let probabilities = row(probabilities, params.probabilities, n, c, y, w);
        let gradient = row(gradient, params.gradient, n, c, y, w);
        let sums = &sums[n * h + y];
        for (((out, p), gradient), sum) in out.iter_mut().zip(probabilities).zip(gradient).zip(sums) {
            put(out, p * (gradient - sum), accumulate);
        }
    });
}
