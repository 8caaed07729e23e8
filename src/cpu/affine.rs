//! Twin of [`kernels::affine`](crate::kernels::affine).

use super::rows::{Unlike, for_each_piece, joined_alike, piece};
use super::vectors::put_each_of_one;
use crate::kernels::affine::Params;

/// `output = scale_c · input + shift_c`, or added to `output`.
pub fn run(params: &Params, input: &[f32], coefficients: &[f32], output: &mut [f32]) {
    let accumulate = params.accumulate != 0;
    let extent = joined_alike([params.output, params.input], params.extent, Unlike::Channels);
    for_each_piece(output, params.output, extent, 1, |at, out| {
        let (scale, shift) = (coefficients[2 * at.c], coefficients[2 * at.c + 1]);
        let input = piece(input, params.input, at, out.len());
        put_each_of_one(out, input, accumulate, |value| scale * value + shift);
    });
}
