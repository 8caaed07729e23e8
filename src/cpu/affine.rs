//! Twin of [`kernels::affine`](crate::kernels::affine).

use super::rows::{for_each_row, put, row};
use crate::kernels::affine::Params;

/// `output = scale_c · input + shift_c`, or added to `output`.
pub fn run(params: &Params, input: &[f32], coefficients: &[f32], output: &mut [f32]) {
    let accumulate = params.accumulate != 0;
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let (scale, shift) = (coefficients[2 * c], coefficients[2 * c + 1]);
        let input = row(input, params.input, n, c, y, out.len());
        for (out, value) in out.iter_mut().zip(input) {
            put(out, scale * value + shift, accumulate);
        }
    });
}
