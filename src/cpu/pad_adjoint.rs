//! Twin of [`kernels::pad_adjoint`](crate::kernels::pad_adjoint).

use rayon::prelude::*;

use super::pad::shown;
use super::rows::{planes, put, row, sizes};
use crate::kernels::pad_adjoint::Params;

/// `output` = the sum of `gradient` over all places that show a pixel, or added to `output`. Rows that show the same one
/// are added up first, then the columns of the border to those inside.
pub fn run(params: &Params, gradient: &[f32], output: &mut [f32]) {
    let [_, _, h, w] = sizes(params.input_extent);
    let [_, _, outer_h, outer_w] = sizes(params.output_extent);
    let (top, left) = (params.top as usize, params.left as usize);
    let mut rows = vec![Vec::new(); h];
    for y in 0..outer_h {
        if let Some(from) = shown(params.mode, y, top, h) {
            rows[from].push(y);
        }
    }
    let border: Vec<(usize, usize)> = (0..left)
        .chain(left + w..outer_w)
        .filter_map(|x| Some((x, shown(params.mode, x, left, w)?)))
        .collect();
    let pitch = (params.output.row as usize).max(w);
    planes(output, params.output, params.input_extent)
        .into_par_iter()
        .for_each_init(Vec::new, |sums, plane| {
            for (out, rows) in plane.values.chunks_mut(pitch).zip(&rows) {
                sums.clear();
                sums.resize(outer_w, 0.0);
                for &y in rows {
                    let gradient = row(gradient, params.gradient, plane.n, plane.c, y, outer_w);
                    for (sum, gradient) in sums.iter_mut().zip(gradient) {
                        *sum += gradient;
                    }
                }
                for &(x, from) in &border {
                    sums[left + from] += sums[x];
                }
                for (out, sum) in out.iter_mut().zip(&sums[left..left + w]) {
                    put(out, *sum, params.accumulate != 0);
                }
            }
        });
}
