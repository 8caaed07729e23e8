//! Twin of [`kernels::transpose`](crate::kernels::transpose).

use super::rows::{for_each_row, put};
use crate::kernels::transpose::Params;

/// `output[p] = input[q]` with `q[axes[a]] = p[a]`, or that added to `output`.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    let view = params.input;
    let distances = [view.batch, view.channel, view.row, 1];
    // How far apart in the input neighbours on each of the output's axes are.
    let [of_n, of_c, of_y, of_x] = params.axes().map(|axis| distances[axis as usize] as usize);
    let accumulate = params.accumulate != 0;
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let source = &input[view.offset as usize + n * of_n + c * of_c + y * of_y..];
        if of_x == 1 && !accumulate {
            out.copy_from_slice(&source[..out.len()]);
            return;
        }
        for (out, value) in out.iter_mut().zip(source.iter().step_by(of_x.max(1))) {
            put(out, *value, accumulate);
        }
    });
}
