//! Twin of [`kernels::average_pool2d_adjoint`](crate::kernels::average_pool2d_adjoint).

use rayon::prelude::*;

use super::average_pool2d::counts;
use super::rows::{planes, put, row, sizes};
use crate::kernels::average_pool2d_adjoint::Params;

/// `output` = for each pixel, the sum of `gradient` over the windows that cover it, each divided by the places of it that
/// count; or that added to `output`. Over the rows of windows first, then over their columns.
pub fn run(params: &Params, gradient: &[f32], output: &mut [f32]) {
    let [_, _, h, w] = sizes(params.input_extent);
    let [_, _, pooled_h, pooled_w] = sizes(params.output_extent);
    let pooling = params.pooling();
    let [rows, columns] = [0, 1].map(|axis| counts(&pooling, axis, [h, w][axis], [pooled_h, pooled_w][axis]));
    let covering = |axis: usize, place: usize, windows: usize| {
        let [kernel, stride, padding] =
            [params.kernel[axis], params.stride[axis], params.padding[axis]].map(|value| value as usize);
        let covered = place + padding;
        let end = (covered / stride + 1).min(windows);
        (covered + 1).saturating_sub(kernel).div_ceil(stride).min(end)..end
    };
    let covering_columns: Vec<_> = (0..w).map(|x| covering(1, x, pooled_w)).collect();
    let pitch = (params.output.row as usize).max(w);
    planes(output, params.output, params.input_extent)
        .into_par_iter()
        .for_each_init(Vec::new, |sums, plane| {
            for (y, out) in plane.values.chunks_mut(pitch).enumerate() {
                sums.clear();
                sums.resize(pooled_w, 0.0);
                for window in covering(0, y, pooled_h) {
                    let gradient = row(gradient, params.gradient, plane.n, plane.c, window, pooled_w);
                    for ((sum, value), count) in sums.iter_mut().zip(gradient).zip(&columns) {
                        *sum += value / (rows[window] * count);
                    }
                }
                for (out, windows) in out[..w].iter_mut().zip(&covering_columns) {
                    put(out, sums[windows.clone()].iter().sum(), params.accumulate != 0);
                }
            }
        });
}
