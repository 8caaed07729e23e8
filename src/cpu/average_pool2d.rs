//! Twin of [`kernels::average_pool2d`](crate::kernels::average_pool2d).

use rayon::prelude::*;

use super::max_pool2d::window;
use super::rows::{planes, row, sizes};
use super::steps::{whole_windows, widest, zip_every};
use crate::kernels::average_pool2d::Params;

/// `output` = the mean of `input` over the places of each window that count. The rows of a window are added up first, then
/// what they have in its columns.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    let [_, _, h, w] = sizes(params.input_extent);
    let [_, _, pooled_h, pooled_w] = sizes(params.output_extent);
    let [rows, columns] = [0, 1].map(|axis| counts(params, axis, [h, w][axis], [pooled_h, pooled_w][axis]));
    let pitch = (params.output.row as usize).max(pooled_w);
    planes(output, params.output, params.output_extent)
        .into_par_iter()
        .for_each_init(Vec::new, |sums, plane| {
            widest(
                #[inline(always)]
                || {
                    for (y, out) in plane.values.chunks_mut(pitch).enumerate() {
                        sums.clear();
                        sums.resize(w, 0.0);
                        for iy in window(y, params.kernel[0], params.stride[0], params.padding[0], h) {
                            let input = row(input, params.input, plane.n, plane.c, iy, w);
                            zip_every(sums, input, 1, |sum, value| *sum += value);
                        }
                        let out = &mut out[..pooled_w];
                        add_columns(params, sums, out);
                        for (out, columns) in out.iter_mut().zip(&columns) {
                            *out /= rows[y] * columns;
                        }
                    }
                },
            );
        });
}

/// The sums of the values in the columns of each window.
#[inline(always)]
fn add_columns(params: &Params, values: &[f32], out: &mut [f32]) {
    let [kernel, stride, padding] = [params.kernel[1], params.stride[1], params.padding[1]];
    let whole = whole_windows([kernel, stride, padding], values.len(), out.len());
    for x in (0..whole.start).chain(whole.end..out.len()) {
        out[x] = values[window(x, kernel, stride, padding, values.len())]
            .iter()
            .sum();
    }
    if !whole.is_empty() {
        let first = whole.start * stride as usize - padding as usize;
        out[whole.clone()].fill(0.0);
        for tap in 0..kernel as usize {
            let (out, values) = (&mut out[whole.clone()], &values[first + tap..]);
            zip_every(out, values, stride as usize, |out, value| *out += value);
        }
    }
}

/// How many places of each window along one axis count.
pub(super) fn counts(params: &Params, axis: usize, inputs: usize, outputs: usize) -> Vec<f32> {
    let [kernel, stride, padding, before, after] = [
        params.kernel[axis],
        params.stride[axis],
        params.padding[axis],
        params.counted_before[axis],
        params.counted_after[axis],
    ]
    .map(|value| value as usize);
    (0..outputs)
        .map(|window| {
            let first = (window * stride).max(padding - before);
            let end = (window * stride + kernel).min(padding + inputs + after);
            (end - first) as f32
        })
        .collect()
}
