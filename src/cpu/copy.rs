//! Twin of [`kernels::copy`](crate::kernels::copy).

use super::rows::{Unlike, for_each_piece, joined_alike, piece};
use super::vectors::each_of_one;
use crate::kernels::copy::Params;

/// `output = input`, or added to `output`.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    let accumulate = params.accumulate != 0;
    let extent = joined_alike([params.output, params.input], params.extent, Unlike::Nothing);
    for_each_piece(output, params.output, extent, 1, |at, out| {
        let input = piece(input, params.input, at, out.len());
        if accumulate {
            each_of_one(out, input, |out, value| out + value);
        } else {
            out.copy_from_slice(input);
        }
    });
}
