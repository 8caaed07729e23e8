//! Twin of [`kernels::softmax`](crate::kernels::softmax).

use rayon::prelude::*;

use super::elementary::exponential;
use super::rows::{SMALLEST_PIECE, bands, for_each_costly_row, for_each_row, row, sizes};
use super::vectors::{each, each_of_one, larger, largest_of, sum_of, vectorised};
use crate::kernels::softmax::{Params, lines};
use crate::kernels::{Extent, View};

/// `output = e^(input − m) / Σ e^(input − m)` with `m` the largest logit of a line along the axis, and the sum over it.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    match params.axis {
        1 => over_channels(params, input, output),
        3 => over_columns(params, input, output),
        _ => over_others(params, input, output),
    }
}

/// Elements of each channel that are worked on together: as many as stay near at hand.
const AT_HAND: usize = 1024;

fn over_channels(params: &Params, input: &[f32], output: &mut [f32]) {
    for_each_pile(output, params.output, params.extent, |[n, y, x], channels| {
        let length = channels[0].len();
        let logits = |c: usize| &input[params.input.at(n, c, y, x)..][..length];
        let (mut largest, mut sums) = ([f32::NEG_INFINITY; AT_HAND], [0.0; AT_HAND]);
        let (largest, sums) = (&mut largest[..length], &mut sums[..length]);
        for c in 0..channels.len() {
            each_of_one(largest, logits(c), |largest, logit| larger(logit, largest));
        }
        for (c, out) in channels.iter_mut().enumerate() {
            powers_by_columns(out, logits(c), largest);
            each_of_one(sums, out, |sum, power| sum + power);
        }
        for out in channels {
            each_of_one(out, sums, |power, sum| power / sum);
        }
    });
}

/// Calls `body` with all channels of neighbouring columns of a tensor, at most [`AT_HAND`]; these begin at this sample, row
/// and column.
pub(super) fn for_each_pile(
    output: &mut [f32],
    view: View,
    extent: Extent,
    body: impl Fn([usize; 3], &mut [&mut [f32]]) + Sync,
) {
    let [samples, channels, h, w] = sizes(extent);
    let share = (samples * h).div_ceil(4 * rayon::current_num_threads());
    let rows = share.max(SMALLEST_PIECE.div_ceil(w * channels)).clamp(1, h);
    let pitch = (view.row as usize).max(w);
    bands(output, view, extent, rows)
        .into_par_iter()
        .for_each(|mut band| {
            for row in 0..band.count {
                for x in (0..w).step_by(AT_HAND) {
                    let columns = row * pitch + x..row * pitch + w.min(x + AT_HAND);
                    let channels = band.channels.iter_mut();
                    let mut pile: Vec<&mut [f32]> =
                        channels.map(|channel| &mut channel[columns.clone()]).collect();
                    body([band.n, band.first + row, x], &mut pile);
                }
            }
        });
}

fn over_columns(params: &Params, input: &[f32], output: &mut [f32]) {
    for_each_costly_row(output, params.output, params.extent, 4, |n, c, y, out| {
        let input = row(input, params.input, n, c, y, out.len());
        powers(out, input, largest_of(input));
        let sum = sum_of(out, out, |power, _| power) as f32;
        each(out, |power| power / sum);
    });
}

fn over_others(params: &Params, input: &[f32], output: &mut [f32]) {
    let w = params.extent.w as usize;
    // Largest logits and sums of powers of each line, for a row of them side by side.
    let statistics: Vec<[Vec<f32>; 2]> = along(params.extent, params.axis, |rows| {
        let (mut largest, mut sums) = (vec![f32::NEG_INFINITY; w], vec![0.0; w]);
        let mut of_row = vec![0.0; w];
        for &[n, c, y] in rows {
            let logits = row(input, params.input, n, c, y, w);
            each_of_one(&mut largest, logits, |largest, logit| larger(logit, largest));
        }
        for &[n, c, y] in rows {
            let logits = row(input, params.input, n, c, y, w);
            powers_by_columns(&mut of_row, logits, &largest);
            each_of_one(&mut sums, &of_row, |sum, power| sum + power);
        }
        [largest, sums]
    });
    let [_, channels, h, _] = sizes(lines(params.extent, params.axis));
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let mut place = [n, c, y];
        place[params.axis as usize] = 0;
        let [largest, sums] = &statistics[(place[0] * channels + place[1]) * h + place[2]];
        powers_by_columns(out, row(input, params.input, n, c, y, w), largest);
        each_of_one(out, sums, |power, sum| power / sum);
    });
}

vectorised! {
    /// `out = e^(logits − largest)`
    fn powers[](out: &mut [f32], logits: &[f32], largest: f32) {
        for (out, &logit) in out.iter_mut().zip(logits) {
            *out = exponential(logit - largest);
        }
    }

    /// The same with a largest logit of each column.
    fn powers_by_columns[](out: &mut [f32], logits: &[f32], largest: &[f32]) {
        for ((out, &logit), &largest) in out.iter_mut().zip(logits).zip(largest) {
            *out = exponential(logit - largest);
        }
    }
}

/// What `body` makes of the rows, by sample, channel and number, that lie along `axis`, which is not that of columns: for
/// each row of lines along it, in the order of samples, channels and rows.
pub(super) fn along<T: Send>(extent: Extent, axis: u32, body: impl Fn(&[[usize; 3]]) -> T + Sync) -> Vec<T> {
    let length = sizes(extent)[axis as usize];
    let [samples, channels, h, w] = sizes(lines(extent, axis));
    (0..samples * channels * h)
        .into_par_iter()
        .with_min_len(SMALLEST_PIECE.div_ceil(w * length))
        .map(|index| {
            let mut rows = vec![[index / (channels * h), index / h % channels, index % h]; length];
            for (place, row) in rows.iter_mut().enumerate() {
                row[axis as usize] = place;
            }
            body(&rows)
        })
        .collect()
}
