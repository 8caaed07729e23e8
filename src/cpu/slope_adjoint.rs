//! Twin of [`kernels::slope_adjoint`](crate::kernels::slope_adjoint).

use super::rows::{for_each_row, put, row};
use crate::kernels::slope_adjoint::Params;

/// `output = gradient` where `reference` is positive, `slope_c · gradient` elsewhere, or added to `output`;
/// in place, `output` itself is the gradient, and `gradient` is not read.
pub fn run(params: &Params, reference: &[f32], slopes: &[f32], gradient: &[f32], output: &mut [f32]) {
    let accumulate = params.accumulate != 0;
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let slope = slopes[c];
        let factor = |reference: f32| if reference > 0.0 { 1.0 } else { slope };
        let reference = row(reference, params.reference, n, c, y, out.len());
        if params.in_place != 0 {
            for (out, &reference) in out.iter_mut().zip(reference) {
                *out *= factor(reference);
            }
        } else {
            let gradient = row(gradient, params.gradient, n, c, y, out.len());
            for ((out, &reference), gradient) in out.iter_mut().zip(reference).zip(gradient) {
                put(out, factor(reference) * gradient, accumulate);
            }
        }
    });
}
