//! Twin of [`kernels::normalise`](crate::kernels::normalise).

use super::blocks::Blocks;
use super::rows::{for_each_row, row};
use super::slope::activate;
use crate::kernels::normalise::Params;

/// `output = (input − mean)/σ · scale + shift`, and times the channel's slope below 0 if it is activated.
pub fn run(
    params: &Params,
    input: &[f32],
    moments: &[f32],
    coefficients: &[f32],
    slopes: &[f32],
    output: &mut [f32],
) {
    let blocks = Blocks::new(params.extent, params.blocks);
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let input = row(input, params.input, n, c, y, out.len());
        let slope = if params.activated == 1 { slopes[c] } else { 1.0 };
        for (columns, index) in blocks.of_row(n, c, y) {
            let [mean, inverse] = [moments[2 * index], moments[2 * index + 1]];
            let (input, out) = (&input[columns.clone()], &mut out[columns.clone()]);
            if params.per_column == 1 {
                let pairs = coefficients[2 * columns.start..].chunks_exact(2);
                for ((out, value), pair) in out.iter_mut().zip(input).zip(pairs) {
                    *out = activate((value - mean) * (inverse * pair[0]) + pair[1], slope);
                }
            } else {
                let (scale, shift) = (inverse * coefficients[2 * c], coefficients[2 * c + 1]);
                for (out, value) in out.iter_mut().zip(input) {
                    *out = activate((value - mean) * scale + shift, slope);
                }
            }
        }
    });
}
