//! Twin of [`kernels::conv2d`](crate::kernels::conv2d).
//!
//! Bands of output rows are computed in parallel. For each, the input windows are laid out as a matrix
//! `[pixels × taps]` (im2col), a few in channels at a time so that it stays in the cache, and multiplied by
//! the weights `[taps × out channels]`.

use rayon::prelude::*;

use super::matrix::{Epilogue, Matrix, multiply};
use super::rows::{Band, bands, sizes};
use crate::kernels::conv2d::Params;
use crate::kernels::{Extent, View};

/// Output pixels that a band should have.
const BAND_PIXELS: usize = 1024;
/// Elements of the window matrix that should be alive at once.
pub(super) const WINDOW_ELEMENTS: usize = 1 << 18;

/// `output = slope(bias + weight ∗ input)`, or added to `output`; or gated.
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
    let rows = band_rows(h, w, BAND_PIXELS);
    bands(output, params.output, params.output_extent, rows)
        .into_par_iter()
        .for_each_init(Scratch::default, |scratch, band| {
            convolve(params, input, weight, epilogue, band, scratch)
        });
}

/// Rows of a band of about `pixels` pixels, fewer where threads would have nothing to do.
pub(super) fn band_rows(h: usize, w: usize, pixels: usize) -> usize {
    let for_all_threads = h.div_ceil(2 * rayon::current_num_threads());
    pixels.div_ceil(w).min(for_all_threads).max(1)
}

/// Memory that a thread uses again for each band.
#[derive(Default)]
pub(super) struct Scratch {
    /// `[taps][pixels]`.
    pub windows: Vec<f32>,
    /// `[out channels][pixels]`.
    pub sums: Vec<f32>,
}

fn convolve(
    params: &Params,
    input: &[f32],
    weight: &[f32],
    epilogue: Epilogue<'_>,
    band: Band<'_>,
    scratch: &mut Scratch,
) {
    let [_, in_channels, in_h, in_w] = sizes(params.input_extent);
    let [_, out_channels, _, w] = sizes(params.output_extent);
    let pixels = band.count * w;
    let taps = (params.kernel[0] * params.kernel[1]) as usize;
    let out_pitch = params.padded_out_channels as usize;
    let groups = params.groups as usize;
    let [ins, outs] = [in_channels / groups, out_channels / groups];
    scratch.sums.resize(out_channels * pixels, 0.0);

    let same_pixels = (w, params.output_extent.h) == (in_w, params.input_extent.h);
    let pointwise = taps == 1 && params.stride == [1, 1] && params.padding == [0, 0] && same_pixels;
    if pointwise && (params.input.row as usize == in_w || in_h == 1) {
        for (group, sums) in scratch.sums.chunks_exact_mut(outs * pixels).enumerate() {
            let left = Matrix {
                values: &input[params.input.at(band.n, group * ins, band.first, 0)..],
                row_stride: 1,
                column_stride: params.input.channel as usize,
            };
            let right = Matrix {
                values: &weight[group * outs..],
                row_stride: out_pitch,
                column_stride: 1,
            };
            multiply([pixels, ins, outs], left, right, sums, false);
        }
    } else {
        let geometry = Windows {
            view: params.input,
            extent: params.input_extent,
            columns: w,
            kernel: params.kernel,
            stride: params.stride,
            padding: params.padding,
            dilation: params.dilation,
        };
        // The same for every band of every height: how the terms of a sum are grouped decides its rounding, and
        // equal windows must give equal sums wherever they stand, or else max pooling tells equals apart.
        let at_once = (WINDOW_ELEMENTS / (taps * BAND_PIXELS.next_multiple_of(w))).clamp(1, ins.max(1));
        for (group, sums) in scratch.sums.chunks_exact_mut(outs * pixels).enumerate() {
            for first in (0..ins).step_by(at_once) {
                let count = at_once.min(ins - first);
                scratch.windows.resize(count * taps * pixels, 0.0);
                for (tap, windows) in scratch.windows.chunks_exact_mut(pixels).enumerate() {
                    let channel = group * ins + first + tap / taps;
                    for (y, windows) in (band.first..).zip(windows.chunks_exact_mut(w)) {
                        geometry.lay_out_row(input, band.n, channel, y, tap % taps, windows);
                    }
                }
                let left = Matrix {
                    values: &scratch.windows,
                    row_stride: 1,
                    column_stride: pixels,
                };
                let right = Matrix {
                    values: &weight[first * taps * out_pitch + group * outs..],
                    row_stride: out_pitch,
                    column_stride: 1,
                };
                multiply([pixels, count * taps, outs], left, right, sums, first > 0);
            }
        }
    }

    let pitch = (params.output.row as usize).max(w);
    for (channel, (out, sums)) in band
        .channels
        .into_iter()
        .zip(scratch.sums.chunks_exact(pixels))
        .enumerate()
    {
        let rows = out.chunks_mut(pitch).zip(sums.chunks_exact(w));
        for (y, (out, sums)) in (band.first..).zip(rows) {
            let index = params.output.at(band.n, channel, y, 0);
            epilogue.apply(channel, sums, &mut out[..w], index, 1);
        }
    }
}

/// How windows lie over an input.
pub(super) struct Windows {
    /// Of the input.
    pub view: View,
    /// Of the input.
    pub extent: Extent,
    /// Windows in a row.
    pub columns: usize,
    /// Rows and columns of a window.
    pub kernel: [u32; 2],
    /// Rows and columns between windows.
    pub stride: [u32; 2],
    /// Rows of zeros above and columns of zeros left of the input.
    pub padding: [u32; 2],
    /// Rows and columns from one tap to the next.
    pub dilation: [u32; 2],
}

impl Windows {
    /// The input value that tap `tap` sees in each window of row `y` of them, in one channel of sample `n`.
    pub fn lay_out_row(
        &self,
        input: &[f32],
        n: usize,
        channel: usize,
        y: usize,
        tap: usize,
        windows: &mut [f32],
    ) {
        let [_, _, in_h, in_w] = sizes(self.extent);
        let [stride_rows, stride_columns] = self.stride.map(|stride| stride as usize);
        let [above, left] = self.padding.map(|padding| padding as usize);
        let columns = self.kernel[1] as usize;
        let [down, across] = self.dilation.map(|dilation| dilation as usize);
        let (ky, kx) = (tap / columns * down, tap % columns * across);
        // Windows whose tap lies inside the input.
        let begin = left.saturating_sub(kx).div_ceil(stride_columns).min(self.columns);
        let end = (in_w + left)
            .saturating_sub(kx)
            .div_ceil(stride_columns)
            .clamp(begin, self.columns);
        let row = y * stride_rows + ky;
        if row < above || row - above >= in_h || begin == end {
            windows.fill(0.0);
            return;
        }
        windows[..begin].fill(0.0);
        windows[end..].fill(0.0);
        let start = self
            .view
            .at(n, channel, row - above, begin * stride_columns + kx - left);
        if stride_columns == 1 {
            windows[begin..end].copy_from_slice(&input[start..start + end - begin]);
        } else {
            for (window, value) in windows[begin..end]
                .iter_mut()
                .zip(input[start..].iter().step_by(stride_columns))
            {
                *window = *value;
            }
        }
    }
}
