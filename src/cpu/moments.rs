//! Twin of [`kernels::moments`](crate::kernels::moments).

use rayon::prelude::*;

use super::blocks::{Blocks, joined};
use super::rows::{SMALLEST_PIECE, row, sizes};
use super::vectors::sum_of;
use crate::kernels::moments::Params;

/// Elements whose mean is taken before that of others: as many as stay near at hand for their second sum.
const AT_HAND: usize = 4096;

/// `moments` = of each block the mean, and `Σ (x − mean)²` or `1/√(Σ (x − mean)²/count + epsilon)`.
pub fn run(params: &Params, input: &[f32], moments: &mut [f32]) {
    let (extent, [of_blocks]) = joined([params.input], params.extent, [params.blocks]);
    let blocks = Blocks::new(extent, of_blocks);
    let [samples, channels, h, w] = sizes(of_blocks);
    let width = extent.w as usize;
    moments[..2 * samples * channels * h * w]
        .par_chunks_mut(2)
        .with_min_len(SMALLEST_PIECE.div_ceil(blocks.largest()))
        .enumerate()
        .for_each(|(index, out)| {
            let (line, x) = (index / w, index % w);
            let (plane, y) = (line / h, line % h);
            // Pieces are put together as in Chan, Golub and LeVeque, 1979.
            let (mut count, mut mean, mut squares) = (0.0f64, 0.0f64, 0.0f64);
            for (n, c, y) in blocks.rows(plane / channels, plane % channels, y) {
                let row = &row(input, params.input, n, c, y, width)[blocks.range(3, x)];
                for piece in row.chunks(AT_HAND) {
                    let more = piece.len() as f64;
                    let own = sum_of(piece, piece, |value, _| value) / more;
                    let near = own as f32;
                    let of_piece = sum_of(piece, piece, |value, _| (value - near) * (value - near));
                    let apart = own - mean;
                    squares += of_piece + apart * apart * count * more / (count + more);
                    mean += apart * more / (count + more);
                    count += more;
                }
            }
            out[0] = mean as f32;
            out[1] = match params.finish {
                0 => squares as f32,
                _ => (1.0 / (squares / count + f64::from(params.epsilon)).sqrt()) as f32,
            };
        });
}
