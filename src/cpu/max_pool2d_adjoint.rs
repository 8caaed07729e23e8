//! Twin of [`kernels::max_pool2d_adjoint`](crate::kernels::max_pool2d_adjoint).

use rayon::prelude::*;

use super::max_pool2d::window;
use super::rows::{planes, row, sizes};
use crate::kernels::max_pool2d_adjoint::Params;

/// `output` = for each pixel, the sum of `gradient` over the windows whose first largest value it is, or
/// added to `output`. A plane has one thread, so that it can go through the windows, not the pixels.
pub fn run(params: &Params, input: &[f32], gradient: &[f32], output: &mut [f32]) {
    let [_, _, h, w] = sizes(params.input_extent);
    let [_, _, pooled_h, pooled_w] = sizes(params.output_extent);
    let pitch = (params.output.row as usize).max(w);
    planes(output, params.output, params.input_extent)
        .into_par_iter()
        .for_each(|plane| {
            if params.accumulate == 0 {
                for out in plane.values.chunks_mut(pitch) {
                    out[..w].fill(0.0);
                }
            }
            for y in 0..pooled_h {
                let rows = window(y, params.kernel[0], params.stride[0], params.padding[0], h);
                let gradient = row(gradient, params.gradient, plane.n, plane.c, y, pooled_w);
                for (x, gradient) in gradient.iter().enumerate() {
                    let columns = window(x, params.kernel[1], params.stride[1], params.padding[1], w);
                    let (mut largest, mut place) = (f32::NEG_INFINITY, None);
                    for iy in rows.clone() {
                        let start = params.input.at(plane.n, plane.c, iy, 0);
                        for ix in columns.clone() {
                            let value = input[start + ix];
                            if place.is_none() || value > largest {
                                (largest, place) = (value, Some(iy * pitch + ix));
                            }
                        }
                    }
                    if let Some(place) = place {
                        plane.values[place] += gradient;
                    }
                }
            }
            if params.gated == 1 {
                for (y, out) in plane.values.chunks_mut(pitch).enumerate() {
                    let values = row(input, params.input, plane.n, plane.c, y, w);
                    for (out, value) in out.iter_mut().zip(values) {
                        *out *= if *value > 0.0 { 1.0 } else { params.slope };
                    }
                }
            }
        });
}
