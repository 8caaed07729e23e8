//! Twin of [`kernels::conv_transpose2d`](crate::kernels::conv_transpose2d).
//!
//! The output pixels of one phase, those with the same remainders `(y+py) mod sy` and `(x+px) mod sx`, are a
//! convolution of stride 1 with the taps of that phase. Bands of output rows are computed in parallel, phase
//! by phase, as a product `[pixels × taps] · [taps × out channels]`. Nothing is scattered, so nothing races.

use rayon::prelude::*;

use super::conv2d::{Scratch, band_rows};
use super::matrix::{Epilogue, Matrix, multiply};
use super::rows::{Band, bands, sizes};
use crate::kernels::conv_transpose2d::{Params, phase_step};

/// Output pixels of one phase that a band should have.
const BAND_PIXELS: usize = 1024;

/// `output = slope(bias + weight ∗ᵀ input)`, or added to `output`; or gated.
pub fn run(
    params: &Params,
    input: &[f32],
    weight: &[f32],
    epilogue: &[f32],
    gate: &[f32],
    output: &mut [f32],
) {
    let [_, _, h, w] = sizes(params.output_extent);
    if h == 0 || w == 0 {
        return;
    }
    let epilogue = Epilogue {
        coefficients: epilogue,
        gate: (params.gated == 1).then_some(gate),
        accumulate: params.accumulate != 0,
    };
    let stride = params.stride[0] as usize;
    let phase_rows = band_rows(
        h.div_ceil(stride),
        w.div_ceil(params.stride[1] as usize),
        BAND_PIXELS,
    );
    bands(output, params.output, params.output_extent, phase_rows * stride)
        .into_par_iter()
        .for_each_init(Scratch::default, |scratch, mut band| {
            for row_phase in 0..params.stride[0] as usize {
                for column_phase in 0..params.stride[1] as usize {
                    let rows = Phase::of(params, 0, row_phase, band.first, band.count);
                    let columns = Phase::of(params, 1, column_phase, 0, w);
                    if rows.count > 0 && columns.count > 0 {
                        convolve(params, input, weight, epilogue, &mut band, rows, columns, scratch);
                    }
                }
            }
        });
}

/// Places of one remainder along one axis of the output, and the taps that reach them.
#[derive(Clone, Copy)]
struct Phase {
    /// The first place, from the beginning of the band.
    offset: usize,
    /// Places, one stride apart.
    count: usize,
    /// The first tap.
    tap: usize,
    /// How far apart the taps are.
    step: usize,
    /// Taps.
    taps: usize,
    /// The input place that the first tap takes to the first output place; each further output place takes the one
    /// after it.
    input: isize,
    /// Each further tap takes the place so far before.
    back: usize,
}

impl Phase {
    /// The phase `remainder` of output places `first..first + count` along `axis`.
    fn of(params: &Params, axis: usize, remainder: usize, first: usize, count: usize) -> Phase {
        let [kernel, stride, padding, dilation, step] = [
            params.kernel[axis],
            params.stride[axis],
            params.padding[axis],
            params.dilation[axis],
            phase_step(params.stride[axis], params.dilation[axis]),
        ]
        .map(|value| value as usize);
        let offset = (remainder + stride - (first + padding) % stride) % stride;
        let tap = (0..step)
            .find(|tap| tap * dilation % stride == remainder)
            .unwrap_or(kernel);
        Phase {
            offset,
            count: count.saturating_sub(offset).div_ceil(stride),
            tap,
            step,
            taps: kernel.saturating_sub(tap).div_ceil(step),
            input: ((first + offset + padding) / stride) as isize - (tap * dilation / stride) as isize,
            back: step * dilation / stride,
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn convolve(
    params: &Params,
    input: &[f32],
    weight: &[f32],
    epilogue: Epilogue<'_>,
    band: &mut Band<'_>,
    rows: Phase,
    columns: Phase,
    scratch: &mut Scratch,
) {
    let [_, in_channels, in_h, in_w] = sizes(params.input_extent);
    let out_channels = params.output_extent.c as usize;
    let groups = params.groups as usize;
    let [ins, outs] = [in_channels / groups, out_channels / groups];
    let [kernel_rows, kernel_columns] = params.kernel.map(|size| size as usize);
    let [stride_rows, stride_columns] = params.stride.map(|stride| stride as usize);
    let pixels = rows.count * columns.count;
    let out_pitch = params.padded_out_channels as usize;
    scratch.sums.resize(out_channels * pixels, 0.0);
    scratch.sums.fill(0.0);

    // One product per tap: the taps of a phase are apart in the weights, and there are few.
    for (group, sums) in scratch.sums.chunks_exact_mut(outs * pixels).enumerate() {
        for row_tap in 0..rows.taps {
            for column_tap in 0..columns.taps {
                let tap = (rows.tap + row_tap * rows.step) * kernel_columns
                    + columns.tap
                    + column_tap * columns.step;
                let first_row = rows.input - (row_tap * rows.back) as isize;
                let first_column = columns.input - (column_tap * columns.back) as isize;
                // The input itself is the matrix where the phase's pixels cover whole rows of it.
                let whole_rows =
                    first_column == 0 && columns.count == in_w && params.input.row as usize == in_w;
                let inside = first_row >= 0 && first_row as usize + rows.count <= in_h;
                let left = if whole_rows && inside {
                    Matrix {
                        values: &input[params.input.at(band.n, group * ins, first_row as usize, 0)..],
                        row_stride: 1,
                        column_stride: params.input.channel as usize,
                    }
                } else {
                    scratch.windows.resize(ins * pixels, 0.0);
                    for (channel, window) in scratch.windows.chunks_exact_mut(pixels).enumerate() {
                        for (y, window) in (first_row..).zip(window.chunks_exact_mut(columns.count)) {
                            if y < 0 || y as usize >= in_h {
                                window.fill(0.0);
                                continue;
                            }
                            let begin = ((-first_column).max(0) as usize).min(columns.count);
                            let end = (in_w as isize - first_column)
                                .clamp(begin as isize, columns.count as isize)
                                as usize;
                            window[..begin].fill(0.0);
                            window[end..].fill(0.0);
                            if begin < end {
                                let from = (begin as isize + first_column) as usize;
                                let channel = group * ins + channel;
                                let start = params.input.at(band.n, channel, y as usize, from);
                                window[begin..end].copy_from_slice(&input[start..start + end - begin]);
                            }
                        }
                    }
                    Matrix {
                        values: &scratch.windows,
                        row_stride: 1,
                        column_stride: pixels,
                    }
                };
                let right = Matrix {
                    values: &weight[tap * out_pitch + group * outs..],
                    row_stride: kernel_rows * kernel_columns * out_pitch,
                    column_stride: 1,
                };
                multiply([pixels, ins, outs], left, right, sums, true);
            }
        }
    }

    let pitch = (params.output.row as usize).max(params.output_extent.w as usize);
    let width = params.output_extent.w as usize;
    for (channel, (out, sums)) in band
        .channels
        .iter_mut()
        .zip(scratch.sums.chunks_exact(pixels))
        .enumerate()
    {
        let rows_of_phase = (band.first..).zip(out.chunks_mut(pitch));
        let rows_of_phase = rows_of_phase.skip(rows.offset).step_by(stride_rows);
        for ((y, out), sums) in rows_of_phase.zip(sums.chunks_exact(columns.count)) {
            let index = params.output.at(band.n, channel, y, columns.offset);
            epilogue.apply(
                channel,
                sums,
                &mut out[columns.offset..width],
                index,
                stride_columns,
            );
        }
    }
}
