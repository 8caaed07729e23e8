//! Twin of [`kernels::upsample_adjoint`](crate::kernels::upsample_adjoint).

use super::rows::{for_each_row, put, row, sizes};
use super::upsample::Source;
use crate::kernels::upsample_adjoint::Params;

/// `output` = for each pixel, the weighted sum of `gradient` over the values that it went into, or added to
/// `output`.
pub fn run(params: &Params, gradient: &[f32], output: &mut [f32]) {
    let [_, _, h, w] = sizes(params.input_extent);
    let [_, _, resampled_h, resampled_w] = sizes(params.output_extent);
    let rows = uses(params.mode, h, resampled_h);
    let columns = uses(params.mode, w, resampled_w);
    let accumulate = params.accumulate != 0;
    for_each_row(output, params.output, params.input_extent, |n, c, y, out| {
        for (out, columns) in out.iter_mut().zip(&columns) {
            let mut sum = 0.0;
            for &(gradient_y, row_weight) in &rows[y] {
                let gradient = row(gradient, params.gradient, n, c, gradient_y, resampled_w);
                let of_row: f32 = columns.iter().map(|&(x, weight)| weight * gradient[x]).sum();
                sum += row_weight * of_row;
            }
            put(out, sum, accumulate);
        }
    });
}

/// For each place along one axis, the resampled places that it goes into and with what weight.
fn uses(mode: u32, inputs: usize, outputs: usize) -> Vec<Vec<(usize, f32)>> {
    let mut uses = vec![Vec::new(); inputs];
    for i in 0..outputs {
        let Source { low, high, weight } = Source::of(mode, i, inputs, outputs);
        uses[low].push((i, 1.0 - weight));
        if weight > 0.0 {
            uses[high].push((i, weight));
        }
    }
    uses
}
