//! Twin of [`kernels::spread`](crate::kernels::spread).

use super::blocks::Blocks;
use super::rows::{for_each_row, put, repeated_row, sizes};
use crate::kernels::spread::Params;

/// `output = scale · input` of the block, or 0 but for the chosen element of each, or that added to `output`.
pub fn run(params: &Params, input: &[f32], positions: &[u32], output: &mut [f32]) {
    let blocks = Blocks::new(params.extent, params.input_extent);
    let [samples, channels, h, w] = sizes(params.input_extent);
    let accumulate = params.accumulate != 0;
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let input = repeated_row(input, params.input, params.input_extent, n, c, y);
        let of_column = |x: usize| params.scale * input[x.min(w - 1)];
        if params.chosen == 0 {
            match input {
                &[value] => out
                    .iter_mut()
                    .for_each(|out| put(out, params.scale * value, accumulate)),
                input => {
                    for (out, value) in out.iter_mut().zip(input) {
                        put(out, params.scale * value, accumulate);
                    }
                }
            }
            return;
        }
        let block = [n.min(samples - 1), c.min(channels - 1), y.min(h - 1)];
        let line = (block[0] * channels + block[1]) * h + block[2];
        let [_, of_channels, of_rows, of_columns] = blocks.size;
        let inside = |axis: usize, index: usize| index - blocks.range(axis, block[axis]).start;
        let before = (inside(0, n) * of_channels + inside(1, c)) * of_rows + inside(2, y);
        for (x, out) in out.iter_mut().enumerate() {
            let column = x.min(w - 1);
            let index = before * of_columns + x - blocks.range(3, column).start;
            let chosen = positions[line * w + column] as usize == index;
            put(out, if chosen { of_column(x) } else { 0.0 }, accumulate);
        }
    });
}
