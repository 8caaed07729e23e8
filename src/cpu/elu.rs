//! Twin of [`kernels::elu`](crate::kernels::elu).

use super::rows::{for_each_row, row};
use crate::kernels::elu::Params;

/// `output = input` above 0, `α (e^input − 1)` below.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let input = row(input, params.input, n, c, y, out.len());
        for (out, &value) in out.iter_mut().zip(input) {
            *out = if value > 0.0 {
                value
            } else {
                params.alpha * (value.exp() - 1.0)
            };
        }
    });
}
