//! Twin of [`kernels::largest_position`](crate::kernels::largest_position).

use rayon::prelude::*;

use super::blocks::Blocks;
use super::rows::{SMALLEST_PIECE, row, sizes};
use crate::kernels::largest_position::Params;

/// `positions` = of each block the first of its largest elements.
pub fn run(params: &Params, input: &[f32], positions: &mut [u32]) {
    let blocks = Blocks::new(params.extent, params.blocks);
    let [samples, channels, h, w] = sizes(params.blocks);
    let width = params.extent.w as usize;
    positions[..samples * channels * h * w]
        .par_chunks_mut(w)
        .with_min_len(SMALLEST_PIECE.div_ceil(w * blocks.largest()))
        .enumerate()
        .for_each(|(line, out)| {
            let (plane, y) = (line / h, line % h);
            let mut largest = vec![f32::NEG_INFINITY; w];
            out.fill(0);
            let mut before = 0;
            for (n, c, y) in blocks.rows(plane / channels, plane % channels, y) {
                let row = row(input, params.input, n, c, y, width);
                for (x, (found, largest)) in out.iter_mut().zip(&mut largest).enumerate() {
                    for (index, &value) in row[blocks.range(3, x)].iter().enumerate() {
                        if value > *largest {
                            *largest = value;
                            *found = (before + index) as u32;
                        }
                    }
                }
                before += blocks.size[3];
            }
        });
}
