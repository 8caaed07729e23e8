//! Twin of [`kernels::slope`](crate::kernels::slope).

use super::rows::{Unlike, for_each_piece, joined_alike, piece};
use super::vectors::each_of_one;
use crate::kernels::slope::Params;

/// `output = input` where it is at least 0, `slope_c · input` below.
pub fn run(params: &Params, input: &[f32], slopes: &[f32], output: &mut [f32]) {
    let extent = joined_alike([params.output, params.input], params.extent, Unlike::Channels);
    for_each_piece(output, params.output, extent, 1, |at, out| {
        let slope = slopes[at.c];
        let input = piece(input, params.input, at, out.len());
        each_of_one(out, input, |_, value| activate(value, slope));
    });
}

/// The slope activation of one value.
#[inline(always)]
pub(super) fn activate(value: f32, slope: f32) -> f32 {
    if value >= 0.0 { value } else { slope * value }
}
