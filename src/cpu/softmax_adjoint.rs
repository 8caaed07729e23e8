//! Twin of [`kernels::softmax_adjoint`](crate::kernels::softmax_adjoint).

use super::rows::{for_each_row, put, row, sizes, sum_of};
use super::softmax::along;
use crate::kernels::softmax::lines;
use crate::kernels::softmax_adjoint::Params;

/// `output = p (gradient − Σ p gradient)`, the sum along the axis, or added to `output`.
pub fn run(params: &Params, probabilities: &[f32], gradient: &[f32], output: &mut [f32]) {
    let w = params.extent.w as usize;
    let accumulate = params.accumulate != 0;
    let rows = |n: usize, c: usize, y: usize| {
        (
            row(probabilities, params.probabilities, n, c, y, w),
            row(gradient, params.gradient, n, c, y, w),
        )
    };
    if params.axis == 3 {
        for_each_row(output, params.output, params.extent, |n, c, y, out| {
            let (probabilities, gradient) = rows(n, c, y);
            let sum = sum_of(probabilities, gradient, |p, gradient| p * gradient) as f32;
            for ((out, p), gradient) in out.iter_mut().zip(probabilities).zip(gradient) {
                put(out, p * (gradient - sum), accumulate);
            }
        });
        return;
    }
    // Σ p gradient of each line, for a row of them side by side.
    let sums: Vec<Vec<f32>> = along(params.extent, params.axis, |places| {
        let mut sums = vec![0.0; w];
        for &[n, c, y] in places {
            let (probabilities, gradient) = rows(n, c, y);
            for ((sum, p), gradient) in sums.iter_mut().zip(probabilities).zip(gradient) {
                *sum += p * gradient;
            }
        }
        sums
    });
    let [_, channels, h, _] = sizes(lines(params.extent, params.axis));
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let mut place = [n, c, y];
        place[params.axis as usize] = 0;
        let sums = &sums[(place[0] * channels + place[1]) * h + place[2]];
        let (probabilities, gradient) = rows(n, c, y);
        for (((out, p), gradient), sum) in out.iter_mut().zip(probabilities).zip(gradient).zip(sums) {
            put(out, p * (gradient - sum), accumulate);
        }
    });
}
