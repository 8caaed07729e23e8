//! Twin of [`kernels::spread`](crate::kernels::spread).

use super::blocks::Blocks;
use super::rows::{Unlike, for_each_piece, joined, put, repeated_piece, sizes};
use super::vectors::{each, put_each_of_one, vectorised};
use crate::kernels::spread::Params;

/// `output = scale · input` of the block, or 0 but for the chosen element of each, or that added to `output`.
pub fn run(params: &Params, input: &[f32], positions: &[u32], output: &mut [f32]) {
    match params.chosen {
        0 => to_all(params, input, output),
        _ => to_chosen(params, input, positions, output),
    }
}

fn to_all(params: &Params, input: &[f32], output: &mut [f32]) {
    let tensors = [
        (params.output, params.extent),
        (params.input, params.input_extent),
    ];
    let [extent, input_extent] = joined(tensors, Unlike::Nothing);
    let (scale, accumulate) = (params.scale, params.accumulate != 0);
    for_each_piece(output, params.output, extent, 1, |at, out| match *repeated_piece(
        input,
        params.input,
        input_extent,
        at,
        out.len(),
    ) {
        [value] if accumulate => each(out, |out| out + scale * value),
        [value] => out.fill(scale * value),
        ref values => put_each_of_one(out, values, accumulate, |value| scale * value),
    });
}

fn to_chosen(params: &Params, input: &[f32], positions: &[u32], output: &mut [f32]) {
    let tensors = [
        (params.output, params.extent),
        (params.input, params.input_extent),
    ];
    let [extent, input_extent] = joined(tensors, Unlike::Channels);
    let blocks = Blocks::new(extent, input_extent);
    let [samples, channels, h, w] = sizes(input_extent);
    let (scale, accumulate) = (params.scale, params.accumulate != 0);
    for_each_piece(output, params.output, extent, 1, |at, out| {
        let block = [at.n.min(samples - 1), at.c.min(channels - 1), at.y.min(h - 1)];
        let line = (block[0] * channels + block[1]) * h + block[2];
        let [_, of_channels, of_rows, of_columns] = blocks.size;
        let inside = |axis: usize, index: usize| index - blocks.range(axis, block[axis]).start;
        // Rows of the block before this one.
        let before = (inside(0, at.n) * of_channels + inside(1, at.c)) * of_rows + inside(2, at.y);
        let values = repeated_piece(input, params.input, input_extent, at, out.len());
        if of_columns == 1 {
            let positions = &positions[line * w + at.x..];
            by_columns(out, values, positions, before as u32, scale, accumulate);
            return;
        }
        // One block, as the number of columns is that of the tensor or 1.
        if !accumulate {
            out.fill(0.0);
        }
        let first = before * of_columns + at.x;
        let place = (positions[line] as usize).checked_sub(first);
        if let Some(out) = place.and_then(|place| out.get_mut(place)) {
            put(out, scale * values[0], accumulate);
        }
    });
}

vectorised! {
    /// `out = scale · values` where the position is `row`, and 0 elsewhere, or that added to `out`.
    fn by_columns[](
        out: &mut [f32],
        values: &[f32],
        positions: &[u32],
        row: u32,
        scale: f32,
        accumulate: bool,
    ) {
        for ((out, &value), &position) in out.iter_mut().zip(values).zip(positions) {
            let chosen = if position == row { scale * value } else { 0.0 };
            put(out, chosen, accumulate);
        }
    }
}
