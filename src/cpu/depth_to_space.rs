//! Twin of [`kernels::depth_to_space`](crate::kernels::depth_to_space).

use super::rows::{for_each_row, put, row, sizes};
use crate::kernels::depth_to_space::{DEPTH_FIRST, Params};

/// `output` = the values of `input` at their places in the wide or the deep tensor, or added to `output`.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    let [_, in_channels, _, in_w] = sizes(params.input_extent);
    let out_channels = params.output_extent.c as usize;
    let block = params.block as usize;
    let accumulate = params.accumulate != 0;
    if params.back == 0 {
        for_each_row(output, params.output, params.output_extent, |n, c, y, out| {
            for column in 0..block {
                let part = (y % block) * block + column;
                let channel = match params.order {
                    DEPTH_FIRST => part * out_channels + c,
                    _ => c * block * block + part,
                };
                let values = row(input, params.input, n, channel, y / block, in_w);
                for (out, value) in out[column..].iter_mut().step_by(block).zip(values) {
                    put(out, *value, accumulate);
                }
            }
        });
    } else {
        for_each_row(
            output,
            params.output,
            params.output_extent,
            |n, channel, y, out| {
                let (c, part) = match params.order {
                    DEPTH_FIRST => (channel % in_channels, channel / in_channels),
                    _ => (channel / (block * block), channel % (block * block)),
                };
                let values = row(input, params.input, n, c, y * block + part / block, in_w);
                for (out, value) in out.iter_mut().zip(values[part % block..].iter().step_by(block)) {
                    put(out, *value, accumulate);
                }
            },
        );
    }
}
