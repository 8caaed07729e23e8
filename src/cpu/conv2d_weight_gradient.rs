//! Twin of [`kernels::conv2d_weight_gradient`](crate::kernels::conv2d_weight_gradient).
//!
//! Chunks are computed in parallel. For each, the gradient is laid out as `[channels][pixels]` and the windows,
//! a few input channels at a time so that they stay in the cache, as `[taps][pixels]`; their product is the
//! chunk's partial sums.

use rayon::prelude::*;

use super::matrix::{Matrix, multiply};
use super::rows::{row, sizes};
use crate::kernels::conv2d_weight_gradient::Params;
use crate::kernels::{Extent, View};

/// Elements of the window matrix that should be alive at once.
const WINDOW_ELEMENTS: usize = 1 << 18;

/// Memory that a thread uses again for each chunk.
#[derive(Default)]
struct Scratch {
    /// `[gradient channels][pixels]`.
    gradients: Vec<f32>,
    /// `[taps][pixels]` of some input channels of a group.
    windows: Vec<f32>,
    /// `[gradient channels of a group][taps]` of some of its input channels.
    sums: Vec<f32>,
}

/// `partials[chunk, a, b, ky, kx] = Σ gradient[n, a, y, x] · input[n, g + b, y·sy + ky·dy − py, x·sx + kx·dx − px]`
/// over the chunk's rows.
pub fn run(params: &Params, input: &[f32], gradient: &[f32], partials: &mut [f32]) {
    let channels = params.gradient_extent.c as usize;
    let length = channels * params.taps() as usize;
    partials[..params.chunks() as usize * length]
        .par_chunks_exact_mut(length)
        .enumerate()
        .for_each_init(Scratch::default, |scratch, (chunk, partial)| {
            sum_chunk(params, input, gradient, chunk, partial, scratch)
        });
}

fn sum_chunk(
    params: &Params,
    input: &[f32],
    gradient: &[f32],
    chunk: usize,
    partial: &mut [f32],
    scratch: &mut Scratch,
) {
    let [samples, channels, h, w] = sizes(params.gradient_extent);
    let groups = params.groups as usize;
    let ins = params.input_extent.c as usize / groups;
    let outs = channels / groups;
    let kernel_taps = (params.kernel[0] * params.kernel[1]) as usize;
    let taps = ins * kernel_taps;
    let first = chunk * params.rows_per_chunk as usize;
    let lines = first..(first + params.rows_per_chunk as usize).min(samples * h);
    let pixels = lines.len() * w;

    scratch.gradients.resize(channels * pixels, 0.0);
    for (channel, plane) in scratch.gradients.chunks_exact_mut(pixels).enumerate() {
        for (line, out) in lines.clone().zip(plane.chunks_exact_mut(w)) {
            out.copy_from_slice(row(gradient, params.gradient, line / h, channel, line % h, w));
        }
    }
    let geometry = Windows {
        view: params.input,
        extent: params.input_extent,
        columns: w,
        kernel: params.kernel,
        stride: params.stride,
        padding: params.padding,
        dilation: params.dilation,
    };
    let at_once = (WINDOW_ELEMENTS / (kernel_taps * pixels)).clamp(1, ins);
    let of_groups = scratch.gradients.chunks_exact(outs * pixels);
    for (group, (gradients, partial)) in of_groups.zip(partial.chunks_exact_mut(outs * taps)).enumerate() {
        for first in (0..ins).step_by(at_once) {
            let count = at_once.min(ins - first) * kernel_taps;
            scratch.windows.resize(count * pixels, 0.0);
            for (tap, windows) in scratch.windows.chunks_exact_mut(pixels).enumerate() {
                let channel = group * ins + first + tap / kernel_taps;
                for (line, windows) in lines.clone().zip(windows.chunks_exact_mut(w)) {
                    geometry.lay_out_row(input, line / h, channel, line % h, tap % kernel_taps, windows);
                }
            }
            let left = Matrix {
                values: &scratch.windows,
                row_stride: pixels,
                column_stride: 1,
            };
            let right = Matrix {
                values: gradients,
                row_stride: 1,
                column_stride: pixels,
            };
            scratch.sums.resize(outs * count, 0.0);
            multiply([count, pixels, outs], left, right, &mut scratch.sums, false);
            let first_tap = first * kernel_taps;
            for (sums, partial) in scratch
                .sums
                .chunks_exact(count)
                .zip(partial.chunks_exact_mut(taps))
            {
                partial[first_tap..first_tap + count].copy_from_slice(sums);
            }
        }
    }
}

/// How windows lie over an input.
struct Windows {
    /// Of the input.
    view: View,
    /// Of the input.
    extent: Extent,
    /// Windows in a row.
    columns: usize,
    /// Rows and columns of a window.
    kernel: [u32; 2],
    /// Rows and columns between windows.
    stride: [u32; 2],
    /// Rows of zeros above and columns of zeros left of the input.
    padding: [u32; 2],
    /// Rows and columns from one tap to the next.
    dilation: [u32; 2],
}

impl Windows {
    /// The input value that tap `tap` sees in each window of row `y` of them, in one channel of sample `n`.
    fn lay_out_row(
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
