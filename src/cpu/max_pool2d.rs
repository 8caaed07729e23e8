//! Twin of [`kernels::max_pool2d`](crate::kernels::max_pool2d).

use std::ops::Range;

use rayon::prelude::*;

use super::rows::{planes, row, sizes};
use super::steps::{whole_windows, widest, zip_every};
use crate::kernels::max_pool2d::Params;

/// `output` = the largest value of `input` in each window. Of the rows of a window first, then of what they have in its
/// columns.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    let [_, _, h, w] = sizes(params.input_extent);
    let [_, _, _, pooled_w] = sizes(params.output_extent);
    let pitch = (params.output.row as usize).max(pooled_w);
    planes(output, params.output, params.output_extent)
        .into_par_iter()
        .for_each_init(Vec::new, |largest, plane| {
            widest(
                #[inline(always)]
                || {
                    for (y, out) in plane.values.chunks_mut(pitch).enumerate() {
                        largest.clear();
                        largest.resize(w, f32::NEG_INFINITY);
                        for iy in window(y, params.kernel[0], params.stride[0], params.padding[0], h) {
                            let input = row(input, params.input, plane.n, plane.c, iy, w);
                            zip_every(largest, input, 1, |largest, value| *largest = largest.max(value));
                        }
                        pool_row(params, largest, &mut out[..pooled_w]);
                    }
                },
            );
        });
}

/// The largest of the values in the columns of each window.
#[inline(always)]
fn pool_row(params: &Params, values: &[f32], out: &mut [f32]) {
    let [kernel, stride, padding] = [params.kernel[1], params.stride[1], params.padding[1]];
    let whole = whole_windows([kernel, stride, padding], values.len(), out.len());
    out.fill(f32::NEG_INFINITY);
    for x in (0..whole.start).chain(whole.end..out.len()) {
        for value in &values[window(x, kernel, stride, padding, values.len())] {
            out[x] = out[x].max(*value);
        }
    }
    if !whole.is_empty() {
        let first = whole.start * stride as usize - padding as usize;
        for tap in 0..kernel as usize {
            let (out, values) = (&mut out[whole.clone()], &values[first + tap..]);
            zip_every(out, values, stride as usize, |out, value| *out = out.max(value));
        }
    }
}

/// The places along one axis of length `size` that window `i` covers.
pub(super) fn window(i: usize, kernel: u32, stride: u32, padding: u32, size: usize) -> Range<usize> {
    let (first, padding) = (i * stride as usize, padding as usize);
    let end = (first + kernel as usize).saturating_sub(padding).min(size);
    first.saturating_sub(padding).min(end)..end
}
