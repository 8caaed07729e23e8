//! Twin of [`kernels::slope_adjoint`](crate::kernels::slope_adjoint).

use super::rows::{Unlike, for_each_piece, joined_alike, piece};
use super::vectors::{each_of_one, put_each_of_two};
use crate::kernels::slope_adjoint::Params;

/// `output = gradient` where `reference` is positive, `slope_c · gradient` elsewhere, or added to `output`;
/// in place, `output` itself is the gradient, and `gradient` is not read.
pub fn run(params: &Params, reference: &[f32], slopes: &[f32], gradient: &[f32], output: &mut [f32]) {
    let (accumulate, in_place) = (params.accumulate != 0, params.in_place != 0);
    let of_gradient = if in_place { params.output } else { params.gradient };
    let views = [params.output, params.reference, of_gradient];
    let extent = joined_alike(views, params.extent, Unlike::Channels);
    for_each_piece(output, params.output, extent, 1, |at, out| {
        let slope = slopes[at.c];
        let factor = |reference: f32| if reference > 0.0 { 1.0 } else { slope };
        let reference = piece(reference, params.reference, at, out.len());
        if in_place {
            each_of_one(out, reference, |out, reference| out * factor(reference));
        } else {
            let gradient = piece(gradient, params.gradient, at, out.len());
            put_each_of_two(out, reference, gradient, accumulate, |reference, gradient| {
                factor(reference) * gradient
            });
        }
    });
}
