//! Twin of [`kernels::average_pool2d_adjoint`](crate::kernels::average_pool2d_adjoint).

use rayon::prelude::*;

use super::average_pool2d::counts;
use super::rows::{planes, put, row, sizes};
use super::steps::{interleave, widest, zip_every};
use crate::kernels::average_pool2d_adjoint::Params;

/// `output` = for each pixel, the sum of `gradient` over the windows that cover it, each divided by the places of it that
/// count; or that added to `output`. Over the rows of windows first, then over their columns.
pub fn run(params: &Params, gradient: &[f32], output: &mut [f32]) {
    let [_, _, h, w] = sizes(params.input_extent);
    let [_, _, pooled_h, pooled_w] = sizes(params.output_extent);
    let pooling = params.pooling();
    let [rows, columns] = [0, 1].map(|axis| counts(&pooling, axis, [h, w][axis], [pooled_h, pooled_w][axis]));
    let [kernel, stride, padding] =
        [params.kernel, params.stride, params.padding].map(|pair| pair.map(|value| value as usize));
    let pitch = (params.output.row as usize).max(w);
    // Of the pixels of a row with each remainder by the stride, counted from the first column that windows may cover.
    let places = (pooled_w + kernel[1].div_ceil(stride[1])).max((w + padding[1]).div_ceil(stride[1]));
    let add_row =
        |y: usize, out: &mut [f32], plane: [usize; 2], of_rows: &mut Vec<f32>, sums: &mut Vec<f32>| {
            of_rows.clear();
            of_rows.resize(pooled_w, 0.0);
            let covered = y + padding[0];
            let end = (covered / stride[0] + 1).min(pooled_h);
            let begin = (covered + 1).saturating_sub(kernel[0]).div_ceil(stride[0]);
            for (window, rows) in rows.iter().enumerate().take(end).skip(begin) {
                let gradient = row(gradient, params.gradient, plane[0], plane[1], window, pooled_w);
                for ((sum, value), count) in of_rows.iter_mut().zip(gradient).zip(&columns) {
                    *sum += value / (rows * count);
                }
            }
            sums.clear();
            sums.resize(stride[1] * places, 0.0);
            // Windows from left to right for each pixel.
            for column in (0..kernel[1]).rev() {
                let sums = &mut sums[column % stride[1] * places + column / stride[1]..];
                zip_every(&mut sums[..pooled_w], of_rows, 1, |sum, value| *sum += value);
            }
            let of = |remainder: usize| {
                let column = remainder + padding[1];
                &sums[column % stride[1] * places + column / stride[1]..]
            };
            let accumulate = params.accumulate != 0;
            interleave(out, stride[1], of, |out, sum| put(out, sum, accumulate));
        };
    planes(output, params.output, params.input_extent)
        .into_par_iter()
        .for_each_init(Default::default, |(of_rows, sums), plane| {
            widest(
                #[inline(always)]
                || {
                    for (y, out) in plane.values.chunks_mut(pitch).enumerate() {
                        add_row(y, &mut out[..w], [plane.n, plane.c], of_rows, sums);
                    }
                },
            );
        });
}
