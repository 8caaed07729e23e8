//! Twin of [`kernels::slope`](crate::kernels::slope).

use super::rows::{for_each_row, row};
use crate::kernels::slope::Params;

/// `output = input` where it is at least 0, `slope_c · input` below.
pub fn run(params: &Params, input: &[f32], slopes: &[f32], output: &mut [f32]) {
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let slope = slopes[c];
        let input = row(input, params.input, n, c, y, out.len());
        for (out, &value) in out.iter_mut().zip(input) {
            *out = activate(value, slope);
        }
    });
}

/// The slope activation of one value.
#[inline]
pub(super) fn activate(value: f32, slope: f32) -> f32 {
    if value >= 0.0 { value } else { slope * value }
}
