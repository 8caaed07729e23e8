//! Twin of [`kernels::fill`](crate::kernels::fill).

use super::rows::{Unlike, for_each_piece, joined_alike};
use crate::kernels::fill::Params;

/// `output = value`.
pub fn run(params: &Params, output: &mut [f32]) {
    let extent = joined_alike([params.output], params.extent, Unlike::Nothing);
    for_each_piece(output, params.output, extent, 1, |_, out| out.fill(params.value));
}
