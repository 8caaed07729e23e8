//! Twin of [`kernels::pad`](crate::kernels::pad).

use super::rows::{for_each_row, row, sizes};
use crate::kernels::pad::{Params, REPLICATE};

/// `output = input` with a border of zeros or of the nearest pixel.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    let [_, _, h, w] = sizes(params.input_extent);
    let (top, left) = (params.top as usize, params.left as usize);
    for_each_row(output, params.output, params.output_extent, |n, c, y, out| {
        let inside = y >= top && y < top + h;
        if params.mode != REPLICATE && !inside {
            out.fill(0.0);
            return;
        }
        let input = row(input, params.input, n, c, y.saturating_sub(top).min(h - 1), w);
        let (before, after) = match params.mode {
            REPLICATE => (input[0], input[w - 1]),
            _ => (0.0, 0.0),
        };
        out[..left].fill(before);
        out[left..left + w].copy_from_slice(input);
        out[left + w..].fill(after);
    });
}
