//! Twin of [`kernels::depthwise_conv2d`](crate::kernels::depthwise_conv2d).

use rayon::prelude::*;

use super::matrix::Epilogue;
use super::rows::{planes, row, sizes};
use crate::kernels::depthwise_conv2d::Params;

/// `output = slope(bias + weight ∗ input)`, or added to `output`; or gated. Row by row: each tap adds a multiple of a row
/// of the input.
pub fn run(
    params: &Params,
    input: &[f32],
    weight: &[f32],
    epilogue: &[f32],
    gate: &[f32],
    output: &mut [f32],
) {
    let [_, in_channels, in_h, in_w] = sizes(params.input_extent);
    let [_, out_channels, _, w] = sizes(params.output_extent);
    let groups = params.groups as usize;
    let [ins, outs] = [in_channels / groups, out_channels / groups];
    let [kernel_rows, kernel_columns] = params.kernel.map(|size| size as usize);
    let [stride_rows, stride_columns] = params.stride.map(|stride| stride as usize);
    let [above, left] = params.padding.map(|padding| padding as usize);
    let [down, across] = params.dilation.map(|dilation| dilation as usize);
    let padded = params.padded_out_channels as usize;
    let epilogue = Epilogue {
        coefficients: epilogue,
        gate: (params.gated == 1).then_some(gate),
        accumulate: params.accumulate != 0,
    };
    let pitch = (params.output.row as usize).max(w);
    let columns: Vec<_> = (0..kernel_columns)
        .map(|kx| seen(in_w, w, stride_columns, left, kx * across))
        .collect();
    planes(output, params.output, params.output_extent)
        .into_par_iter()
        .for_each_init(Vec::new, |sums, plane| {
            sums.resize(w, 0.0);
            let first = plane.c / outs * ins;
            for (y, out) in plane.values.chunks_mut(pitch).enumerate() {
                sums.fill(0.0);
                for (i, ky) in (0..ins).flat_map(|i| (0..kernel_rows).map(move |ky| (i, ky))) {
                    let place = y * stride_rows + ky * down;
                    if place < above || place - above >= in_h {
                        continue;
                    }
                    let values = row(input, params.input, plane.n, first + i, place - above, in_w);
                    let tap = (i * kernel_rows + ky) * kernel_columns;
                    for (kx, (outputs, start)) in columns.iter().enumerate() {
                        let factor = weight[(tap + kx) * padded + plane.c];
                        let values = &values[(*start).min(in_w)..];
                        add_multiple(&mut sums[outputs.clone()], factor, values, stride_columns);
                    }
                }
                let index = params.output.at(plane.n, plane.c, y, 0);
                epilogue.apply(plane.c, sums, &mut out[..w], index, 1);
            }
        });
}

/// The windows of `outputs` along one axis in which the tap `reach` places after the first lies among `inputs`, and the
/// place that it has in the first of them.
fn seen(
    inputs: usize,
    outputs: usize,
    stride: usize,
    padding: usize,
    reach: usize,
) -> (std::ops::Range<usize>, usize) {
    let begin = padding.saturating_sub(reach).div_ceil(stride).min(outputs);
    let end = (inputs + padding)
        .saturating_sub(reach)
        .div_ceil(stride)
        .clamp(begin, outputs);
    (begin..end, (begin * stride + reach).saturating_sub(padding))
}

/// Adds `factor` times every `step`-th of `values` to `sums`.
fn add_multiple(sums: &mut [f32], factor: f32, values: &[f32], step: usize) {
    if step == 1 {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += factor * value;
        }
    } else {
        for (sum, value) in sums.iter_mut().zip(values.iter().step_by(step)) {
            *sum += factor * value;
        }
    }
}
