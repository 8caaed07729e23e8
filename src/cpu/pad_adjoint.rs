//! Twin of [`kernels::pad_adjoint`](crate::kernels::pad_adjoint).

use std::ops::Range;

use super::rows::{for_each_row, put, row, sizes};
use crate::kernels::pad::REPLICATE;
use crate::kernels::pad_adjoint::Params;

/// `output` = the sum of `gradient` over all places that show a pixel, or added to `output`.
pub fn run(params: &Params, gradient: &[f32], output: &mut [f32]) {
    let [_, _, h, w] = sizes(params.input_extent);
    let [_, _, outer_h, outer_w] = sizes(params.output_extent);
    let (top, left) = (params.top as usize, params.left as usize);
    let accumulate = params.accumulate != 0;
    for_each_row(output, params.output, params.input_extent, |n, c, y, out| {
        let shown_rows = places(params.mode, y, h, top, outer_h);
        for (x, out) in out.iter_mut().enumerate() {
            let mut sum = 0.0;
            for shown_y in shown_rows.clone() {
                let gradient = row(gradient, params.gradient, n, c, shown_y, outer_w);
                sum += gradient[places(params.mode, x, w, left, outer_w)]
                    .iter()
                    .sum::<f32>();
            }
            put(out, sum, accumulate);
        }
    });
}

/// Where index `i` of `size` is shown among `outer` with a border of `before` in front.
fn places(mode: u32, i: usize, size: usize, before: usize, outer: usize) -> Range<usize> {
    let first = if mode == REPLICATE && i == 0 {
        0
    } else {
        before + i
    };
    let end = if mode == REPLICATE && i == size - 1 {
        outer
    } else {
        before + i + 1
    };
    first..end
}
