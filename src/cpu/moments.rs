//! Twin of [`kernels::moments`](crate::kernels::moments).

use rayon::prelude::*;

use super::blocks::Blocks;
use super::rows::{SMALLEST_PIECE, row, sizes, sum_of};
use crate::kernels::moments::Params;

/// `moments` = of each block the mean, and `Σ (x − mean)²` or `1/√(Σ (x − mean)²/count + epsilon)`.
pub fn run(params: &Params, input: &[f32], moments: &mut [f32]) {
    let blocks = Blocks::new(params.extent, params.blocks);
    let [samples, channels, h, w] = sizes(params.blocks);
    let width = params.extent.w as usize;
    moments[..2 * samples * channels * h * w]
        .par_chunks_mut(2)
        .with_min_len(SMALLEST_PIECE.div_ceil(blocks.largest()))
        .enumerate()
        .for_each(|(index, out)| {
            let (line, x) = (index / w, index % w);
            let (plane, y) = (line / h, line % h);
            let rows = || {
                blocks
                    .rows(plane / channels, plane % channels, y)
                    .map(|(n, c, y)| &row(input, params.input, n, c, y, width)[blocks.range(3, x)])
            };
            let count: usize = rows().map(<[f32]>::len).sum();
            let total: f64 = rows().map(|row| sum_of(row, row, |value, _| value)).sum();
            let mean = (total / count as f64) as f32;
            let squares: f64 = rows()
                .map(|row| sum_of(row, row, |value, _| (value - mean) * (value - mean)))
                .sum();
            out[0] = mean;
            out[1] = match params.finish {
                0 => squares as f32,
                _ => (1.0 / (squares / count as f64 + f64::from(params.epsilon)).sqrt()) as f32,
            };
        });
}
