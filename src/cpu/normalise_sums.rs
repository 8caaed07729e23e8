//! Twin of [`kernels::normalise_sums`](crate::kernels::normalise_sums).

use rayon::prelude::*;

use super::blocks::{Blocks, joined};
use super::rows::{SMALLEST_PIECE, row, sizes};
use super::vectors::sum_of;
use crate::kernels::normalise_sums::Params;

/// Elements of which both sums are taken before those of others: as many as stay near at hand.
const AT_HAND: usize = 4096;

/// `sums` = of each part `Σ h` and `Σ h · (input − mean)/σ` with `h = scale · gradient`.
pub fn run(
    params: &Params,
    input: &[f32],
    moments: &[f32],
    coefficients: &[f32],
    gradient: &[f32],
    sums: &mut [f32],
) {
    let (extent, [of_parts, of_blocks]) = match params.per_column {
        0 => joined(
            [params.input, params.gradient],
            params.extent,
            [params.parts, params.blocks],
        ),
        _ => (params.extent, [params.parts, params.blocks]),
    };
    let parts = Blocks::new(extent, of_parts);
    let blocks = Blocks::new(extent, of_blocks);
    let [samples, channels, h, w] = sizes(of_parts);
    let width = extent.w as usize;
    sums[..2 * samples * channels * h * w]
        .par_chunks_mut(2)
        .with_min_len(SMALLEST_PIECE.div_ceil(parts.largest()))
        .enumerate()
        .for_each_init(Vec::new, |scaled, (index, out)| {
            let (line, x) = (index / w, index % w);
            let (plane, y) = (line / h, line % h);
            let columns = parts.range(3, x);
            let mut totals = [0.0f64; 2];
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
                    let scales = &coefficients.as_chunks::<2>().0[columns.clone()];
                    scaled.clear();
                    scaled.extend(
                        gradient
                            .iter()
                            .zip(scales)
                            .map(|(value, [scale, _])| value * scale),
                    );
                    gradient = scaled;
                } else {
                    scale = f64::from(coefficients[2 * c]);
                }
                for (gradient, input) in gradient.chunks(AT_HAND).zip(input.chunks(AT_HAND)) {
                    totals[0] += scale * sum_of(gradient, gradient, |value, _| value);
                    totals[1] += scale * sum_of(gradient, input, |value, x| value * (x - mean));
                }
            }
            out[0] = totals[0] as f32;
            out[1] = (f64::from(inverse) * totals[1]) as f32;
        });
}
