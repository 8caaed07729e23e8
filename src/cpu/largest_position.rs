//! Twin of [`kernels::largest_position`](crate::kernels::largest_position).

use rayon::prelude::*;

use super::blocks::{Blocks, joined};
use super::rows::{SMALLEST_PIECE, Unlike, joined_alike, row, sizes};
use super::vectors::{largest_of, vectorised};
use crate::kernels::Extent;
use crate::kernels::largest_position::Params;

/// Blocks side by side that are worked on together: as many as stay near at hand.
const AT_HAND: usize = 2048;

/// `positions` = of each block the first of its largest elements.
pub fn run(params: &Params, input: &[f32], positions: &mut [u32]) {
    let whole_planes = (params.blocks.h, params.blocks.w) == (params.extent.h, params.extent.w);
    let (extent, of_blocks) = if whole_planes {
        let extent = joined_alike([params.input], params.extent, Unlike::Channels);
        let (h, w) = (extent.h, extent.w);
        (
            extent,
            Extent {
                h,
                w,
                ..params.blocks
            },
        )
    } else {
        let (extent, [of_blocks]) = joined([params.input], params.extent, [params.blocks]);
        (extent, of_blocks)
    };
    let blocks = Blocks::new(extent, of_blocks);
    let [samples, channels, h, w] = sizes(of_blocks);
    let width = extent.w as usize;
    let rows_of = |line: usize| {
        let (plane, y) = (line / h, line % h);
        blocks.rows(plane / channels, plane % channels, y)
    };
    let positions = &mut positions[..samples * channels * h * w];
    let lines = positions.par_chunks_mut(w).enumerate();
    if blocks.size[3] == 1 {
        lines.for_each(|(line, out)| {
            let pieces = out.par_chunks_mut(AT_HAND).enumerate();
            pieces.for_each(|(index, out)| {
                let columns = index * AT_HAND..index * AT_HAND + out.len();
                let mut largest = [f32::NEG_INFINITY; AT_HAND];
                out.fill(0);
                for (number, (n, c, y)) in rows_of(line).enumerate() {
                    let row = &row(input, params.input, n, c, y, width)[columns.clone()];
                    take_larger(out, &mut largest[..row.len()], row, number as u32);
                }
            });
        });
        return;
    }
    let at_once = SMALLEST_PIECE.div_ceil(w * blocks.largest());
    lines.with_min_len(at_once).for_each(|(line, out)| {
        for (x, out) in out.iter_mut().enumerate() {
            *out = 0;
            let mut largest = f32::NEG_INFINITY;
            for (number, (n, c, y)) in rows_of(line).enumerate() {
                let columns = blocks.range(3, x);
                let row = &row(input, params.input, n, c, y, width)[columns];
                let of_row = largest_of(row);
                if of_row > largest {
                    largest = of_row;
                    let inside = row.iter().position(|&value| value == largest).unwrap_or(0);
                    *out = (number * blocks.size[3] + inside) as u32;
                }
            }
        }
    });
}

vectorised! {
    /// Where `row` is larger than `largest`, takes it, and its number for `found`.
    fn take_larger[](found: &mut [u32], largest: &mut [f32], row: &[f32], number: u32) {
        for ((found, largest), &value) in found.iter_mut().zip(largest).zip(row) {
            let larger = value > *largest;
            *largest = if larger { value } else { *largest };
            *found = if larger { number } else { *found };
        }
    }
}
