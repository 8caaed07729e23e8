//! Twin of [`kernels::copy`](crate::kernels::copy).

use super::rows::{for_each_row, row};
use crate::kernels::copy::Params;

/// `output = input`, or added to `output`.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    let accumulate = params.accumulate != 0;
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let input = row(input, params.input, n, c, y, out.len());
        if accumulate {
            for (out, value) in out.iter_mut().zip(input) {
                *out += value;
            }
        } else {
            out.copy_from_slice(input);
        }
    });
}
