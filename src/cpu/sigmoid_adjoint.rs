//! Twin of [`kernels::sigmoid_adjoint`](crate::kernels::sigmoid_adjoint).

use super::rows::{for_each_row, put, row};
use crate::kernels::sigmoid_adjoint::Params;

/// `output = p (1−p) · gradient`, or added to `output`.
pub fn run(params: &Params, probabilities: &[f32], gradient: &[f32], output: &mut [f32]) {
    let accumulate = params.accumulate != 0;
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let probabilities = row(probabilities, params.probabilities, n, c, y, out.len());
        let gradient = row(gradient, params.gradient, n, c, y, out.len());
        for ((out, p), gradient) in out.iter_mut().zip(probabilities).zip(gradient) {
            put(out, p * (1.0 - p) * gradient, accumulate);
        }
    });
}
