//! Twin of [`kernels::fill`](crate::kernels::fill).

use super::rows::for_each_row;
use crate::kernels::fill::Params;

/// `output = value`.
pub fn run(params: &Params, output: &mut [f32]) {
    for_each_row(output, params.output, params.extent, |_, _, _, out| {
        out.fill(params.value)
    });
}
