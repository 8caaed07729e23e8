//! Twin of [`kernels::softmax`](crate::kernels::softmax).

use rayon::prelude::*;

use super::elementary::exponential;
use super::rows::{SMALLEST_PIECE, for_each_row, row, sizes, sum_of};
use crate::kernels::Extent;
use crate::kernels::softmax::{Params, lines};

/// `output = e^(input − m) / Σ e^(input − m)` with `m` the largest logit of a line along the axis, and the sum over it.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    if params.axis == 3 {
        return over_columns(params, input, output);
    }
    let w = params.extent.w as usize;
    // Largest logit and sum of powers of each line, for a row of them side by side.
    let statistics: Vec<Vec<(f32, f32)>> = along(params.extent, params.axis, |rows| {
        let mut columns = vec![(f32::NEG_INFINITY, 0.0); w];
        for &[n, c, y] in rows {
            for (column, &logit) in columns.iter_mut().zip(row(input, params.input, n, c, y, w)) {
                column.0 = column.0.max(logit);
            }
        }
        for &[n, c, y] in rows {
            for (column, &logit) in columns.iter_mut().zip(row(input, params.input, n, c, y, w)) {
                column.1 += exponential(logit - column.0);
            }
        }
        columns
    });
    let [_, channels, h, _] = sizes(lines(params.extent, params.axis));
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let mut place = [n, c, y];
        place[params.axis as usize] = 0;
        let statistics = &statistics[(place[0] * channels + place[1]) * h + place[2]];
        let input = row(input, params.input, n, c, y, w);
        for ((out, &logit), &(largest, sum)) in out.iter_mut().zip(input).zip(statistics) {
            *out = exponential(logit - largest) / sum;
        }
    });
}

fn over_columns(params: &Params, input: &[f32], output: &mut [f32]) {
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let input = row(input, params.input, n, c, y, out.len());
        let largest = input
            .iter()
            .fold(f32::NEG_INFINITY, |largest, &logit| largest.max(logit));
        for (out, &logit) in out.iter_mut().zip(input) {
            *out = exponential(logit - largest);
        }
        let sum = sum_of(out, out, |power, _| power) as f32;
        out.iter_mut().for_each(|power| *power /= sum);
    });
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
