//! Twin of [`kernels::elu_adjoint`](crate::kernels::elu_adjoint).

use super::rows::{for_each_row, put, row};
use crate::kernels::elu_adjoint::Params;

/// `output = gradient` where the value is above 0, `(value + α) · gradient` elsewhere, or added to `output`.
pub fn run(params: &Params, values: &[f32], gradient: &[f32], output: &mut [f32]) {
    let accumulate = params.accumulate != 0;
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let values = row(values, params.values, n, c, y, out.len());
        let gradient = row(gradient, params.gradient, n, c, y, out.len());
        for ((out, &value), gradient) in out.iter_mut().zip(values).zip(gradient) {
            let slope = if value > 0.0 { 1.0 } else { value + params.alpha };
            put(out, slope * gradient, accumulate);
        }
    });
}
