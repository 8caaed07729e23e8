//! Twin of [`kernels::reshape`](crate::kernels::reshape).

use super::rows::{for_each_row, put, row, sizes};
use crate::kernels::reshape::Params;

/// `output = input` in the order of samples, channels, rows and columns, or that added to `output`.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    let [_, channels, h, w] = sizes(params.extent);
    let [_, input_channels, input_h, input_w] = sizes(params.input_extent);
    let accumulate = params.accumulate != 0;
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let first = ((n * channels + c) * h + y) * w;
        let mut filled = 0;
        while filled < w {
            let (line, x) = ((first + filled) / input_w, (first + filled) % input_w);
            let plane = line / input_h;
            let (n, c, y) = (plane / input_channels, plane % input_channels, line % input_h);
            let source = &row(input, params.input, n, c, y, input_w)[x..];
            let count = source.len().min(w - filled);
            let out = &mut out[filled..filled + count];
            if accumulate {
                out.iter_mut()
                    .zip(source)
                    .for_each(|(out, value)| put(out, *value, true));
            } else {
                out.copy_from_slice(&source[..count]);
            }
            filled += count;
        }
    });
}
