//! Twin of [`kernels::sigmoid`](crate::kernels::sigmoid).

use super::rows::{for_each_row, row};
use crate::kernels::sigmoid::Params;

/// `output = 1/(1+e^(−input))`.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let input = row(input, params.input, n, c, y, out.len());
        for (out, &logit) in out.iter_mut().zip(input) {
            let power = (-logit.abs()).exp();
            *out = if logit >= 0.0 { 1.0 } else { power } / (1.0 + power);
        }
    });
}
