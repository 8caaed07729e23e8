//! Twin of [`kernels::max_pool2d`](crate::kernels::max_pool2d).

use std::ops::Range;

use super::rows::{for_each_row, sizes};
use crate::kernels::max_pool2d::Params;

/// `output` = the largest value of `input` in each window.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    let [_, _, h, w] = sizes(params.input_extent);
    for_each_row(output, params.output, params.output_extent, |n, c, y, out| {
        out.fill(f32::NEG_INFINITY);
        for iy in window(y, params.kernel[0], params.stride[0], params.padding[0], h) {
            let start = params.input.at(n, c, iy, 0);
            let input = &input[start..start + w];
            for (x, out) in out.iter_mut().enumerate() {
                for &value in &input[window(x, params.kernel[1], params.stride[1], params.padding[1], w)] {
                    *out = out.max(value);
                }
            }
        }
    });
}

/// The places along one axis of length `size` that window `i` covers.
pub(super) fn window(i: usize, kernel: u32, stride: u32, padding: u32, size: usize) -> Range<usize> {
    let (first, padding) = (i * stride as usize, padding as usize);
    let end = (first + kernel as usize).saturating_sub(padding).min(size);
    first.saturating_sub(padding).min(end)..end
}
