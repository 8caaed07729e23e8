//! Twin of [`kernels::normalise_sums`](crate::kernels::normalise_sums).

use rayon::prelude::*;

use super::blocks::Blocks;
use super::rows::{SMALLEST_PIECE, row, sizes, sum_of};
use crate::kernels::normalise_sums::Params;

/// `sums` = of each part `Σ h` and `Σ h · (input − mean)/σ` with `h = scale · gradient`.
pub fn run(
    params: &Params,
    input: &[f32],
    moments: &[f32],
    coefficients: &[f32],
    gradient: &[f32],
    sums: &mut [f32],
) {
    let parts = Blocks::new(params.extent, params.parts);
    let blocks = Blocks::new(params.extent, params.blocks);
    let [samples, channels, h, w] = sizes(params.parts);
    let width = params.extent.w as usize;
    sums[..2 * samples * channels * h * w]
        .par_chunks_mut(2)
        .with_min_len(SMALLEST_PIECE.div_ceil(parts.largest()))
        .enumerate()
        .for_each(|(index, out)| {
            let (line, x) = (index / w, index % w);
            let (plane, y) = (line / h, line % h);
            let columns = parts.range(3, x);
            let mut totals = [0.0f64; 2];
            let mut scaled = Vec::new();
            let mut inverse = 0.0;
            for (n, c, y) in parts.rows(plane / channels, plane % channels, y) {
                // A part lies in one block.
                let of_row = blocks.of_row(n, c, y);
                let block = of_row.filter(|(covered, _)| covered.contains(&columns.start));
                let block = block.map(|(_, block)| block).next().unwrap_or(0);
                let mean = moments[2 * block];
                inverse = moments[2 * block + 1];
                let input = &row(input, params.input, n, c, y, width)[columns.clone()];
                let mut gradient = &row(gradient, params.gradient, n, c, y, width)[columns.clone()];
                let mut scale = 1.0;
                if params.per_column == 1 {
                    let scales = coefficients[2 * columns.start..].chunks_exact(2);
                    scaled.clear();
                    scaled.extend(gradient.iter().zip(scales).map(|(value, pair)| value * pair[0]));
                    gradient = &scaled;
                } else {
                    scale = f64::from(coefficients[2 * c]);
                }
                totals[0] += scale * sum_of(gradient, gradient, |value, _| value);
                totals[1] += scale * sum_of(gradient, input, |value, x| value * (x - mean));
            }
            out[0] = totals[0] as f32;
            out[1] = (f64::from(inverse) * totals[1]) as f32;
        });
}
