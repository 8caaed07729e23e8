//! Twin of [`kernels::normalise`](crate::kernels::normalise).

use super::blocks::{Blocks, joined};
use super::rows::{for_each_row, row};
use super::slope::activate;
use super::vectors::{each_of_one, vectorised};
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
    let (extent, blocks) = match (params.per_column, params.blocks.h) {
        (0, 1) => joined([params.output, params.input], params.extent, [params.blocks]),
        _ => (params.extent, [params.blocks]),
    };
    let blocks = Blocks::new(extent, blocks[0]);
    for_each_row(output, params.output, extent, |n, c, y, out| {
        let input = row(input, params.input, n, c, y, out.len());
        let slope = if params.activated == 1 { slopes[c] } else { 1.0 };
        for (columns, index) in blocks.of_row(n, c, y) {
            let [mean, inverse] = [moments[2 * index], moments[2 * index + 1]];
            let (input, out) = (&input[columns.clone()], &mut out[columns.clone()]);
            if params.per_column == 1 {
                let pairs = &coefficients.as_chunks::<2>().0[columns];
                by_columns(out, input, pairs, [mean, inverse, slope]);
            } else {
                let (scale, shift) = (inverse * coefficients[2 * c], coefficients[2 * c + 1]);
                each_of_one(out, input, |_, value| {
                    activate((value - mean) * scale + shift, slope)
                });
            }
        }
    });
}

vectorised! {
    /// With a scale and a shift for each column.
    fn by_columns[](out: &mut [f32], input: &[f32], pairs: &[[f32; 2]], moments_and_slope: [f32; 3]) {
        let [mean, inverse, slope] = moments_and_slope;
        for ((out, value), [scale, shift]) in out.iter_mut().zip(input).zip(pairs) {
            *out = activate((value - mean) * (inverse * scale) + shift, slope);
        }
    }
}
