//! Twin of [`kernels::reshape`](crate::kernels::reshape).

use super::rows::{Unlike, for_each_piece, for_each_row, joined_alike, piece, row, sizes};
use super::vectors::each_of_one;
use crate::kernels::reshape::Params;

/// `output = input` in the order of samples, channels, rows and columns, or that added to `output`.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    let [_, channels, h, w] = sizes(params.extent);
    let [_, input_channels, input_h, input_w] = sizes(params.input_extent);
    let accumulate = params.accumulate != 0;
    let take = |out: &mut [f32], source: &[f32]| match accumulate {
        true => each_of_one(out, source, |out, value| out + value),
        false => out.copy_from_slice(source),
    };
    // Where both follow one another throughout, places are the same.
    let extent = joined_alike([params.output], params.extent, Unlike::Nothing);
    if extent == joined_alike([params.input], params.input_extent, Unlike::Nothing)
        && extent.h == 1
        && extent.c == 1
    {
        for_each_piece(output, params.output, extent, 1, |at, out| {
            take(out, piece(input, params.input, at, out.len()));
        });
        return;
    }
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let first = ((n * channels + c) * h + y) * w;
        let mut filled = 0;
        while filled < w {
            let (line, x) = ((first + filled) / input_w, (first + filled) % input_w);
            let plane = line / input_h;
            let (n, c, y) = (plane / input_channels, plane % input_channels, line % input_h);
            let source = &row(input, params.input, n, c, y, input_w)[x..];
            let count = source.len().min(w - filled);
            take(&mut out[filled..filled + count], &source[..count]);
            filled += count;
        }
    });
}
