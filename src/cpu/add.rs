//! Twin of [`kernels::add`](crate::kernels::add).

use super::rows::{for_each_row, row};
use crate::kernels::add::Params;

/// `output = left + right`.
pub fn run(params: &Params, left: &[f32], right: &[f32], output: &mut [f32]) {
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let left = row(left, params.left, n, c, y, out.len());
        let right = row(right, params.right, n, c, y, out.len());
        for ((out, left), right) in out.iter_mut().zip(left).zip(right) {
            *out = left + right;
        }
    });
}
