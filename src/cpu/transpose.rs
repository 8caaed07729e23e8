//! Twin of [`kernels::transpose`](crate::kernels::transpose).

use rayon::prelude::*;

use super::rows::{SMALLEST_PIECE, bands, for_each_row, put, sizes};
use super::vectors::each_of_one;
use crate::kernels::transpose::Params;

/// Rows and columns that are exchanged together: as many as stay near at hand.
const AT_HAND: usize = 32;

/// `output[p] = input[q]` with `q[axes[a]] = p[a]`, or that added to `output`.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    let view = params.input;
    let distances = [view.batch, view.channel, view.row, 1];
    // How far apart in the input neighbours on each of the output's axes are.
    let [of_n, of_c, of_y, of_x] = params.axes().map(|axis| distances[axis as usize] as usize);
    let accumulate = params.accumulate != 0;
    let begin = |n: usize, c: usize, y: usize| view.offset as usize + n * of_n + c * of_c + y * of_y;
    if params.axes()[2] == 3 {
        return rows_of_columns(params, input, output, begin, of_x);
    }
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let source = &input[begin(n, c, y)..];
        if params.axes()[3] == 3 {
            let source = &source[..out.len()];
            match accumulate {
                true => each_of_one(out, source, |out, value| out + value),
                false => out.copy_from_slice(source),
            }
            return;
        }
        for (out, value) in out.iter_mut().zip(source.iter().step_by(of_x.max(1))) {
            put(out, *value, accumulate);
        }
    });
}

/// Where the output's rows are the input's columns: square by square, so that what is read together is used while it is
/// near at hand.
fn rows_of_columns(
    params: &Params,
    input: &[f32],
    output: &mut [f32],
    begin: impl Fn(usize, usize, usize) -> usize + Sync,
    of_x: usize,
) {
    let [samples, channels, h, w] = sizes(params.extent);
    let accumulate = params.accumulate != 0;
    let share = (samples * channels * h).div_ceil(4 * rayon::current_num_threads());
    let rows = share.max(SMALLEST_PIECE.div_ceil(w)).next_multiple_of(AT_HAND);
    let pitch = (params.output.row as usize).max(w);
    let bands = bands(output, params.output, params.extent, rows);
    bands.into_par_iter().for_each(|band| {
        for (c, out) in band.channels.into_iter().enumerate() {
            let source = &input[begin(band.n, c, band.first)..];
            for top in (0..band.count).step_by(AT_HAND) {
                let bottom = band.count.min(top + AT_HAND);
                for x in (0..w).step_by(AT_HAND) {
                    let end = w.min(x + AT_HAND);
                    for y in top..bottom {
                        let out = &mut out[y * pitch + x..y * pitch + end];
                        let column = source[x * of_x + y..].iter().step_by(of_x.max(1));
                        for (out, value) in out.iter_mut().zip(column) {
                            put(out, *value, accumulate);
                        }
                    }
                }
            }
        }
    });
}
