//! Twin of [`kernels::channel_sums`](crate::kernels::channel_sums).

use rayon::prelude::*;

use super::rows::{row, row_pieces, sizes};
use crate::kernels::channel_sums::{GRADIENT, NEGATIVE_PRODUCT, Params};

/// `partials[chunk, c] = Σ gradient`, or `Σ input · gradient`, everywhere or where `input ≤ 0`, over the
/// chunk's pixels.
pub fn run(params: &Params, input: &[f32], gradient: &[f32], partials: &mut [f32]) {
    let [_, channels, _, w] = sizes(params.extent);
    partials[..params.chunks() as usize * channels]
        .par_iter_mut()
        .enumerate()
        .for_each(|(index, partial)| {
            let (chunk, c) = (index / channels, index % channels);
            let mut sum = 0.0f64;
            for (n, y, columns) in row_pieces(chunk, params.pixels_per_chunk, params.extent) {
                let columns = || columns.clone();
                let gradient = &row(gradient, params.gradient, n, c, y, w)[columns()];
                if params.mode == GRADIENT {
                    sum += gradient.iter().map(|&incoming| f64::from(incoming)).sum::<f64>();
                    continue;
                }
                let input = &row(input, params.input, n, c, y, w)[columns()];
                let everywhere = params.mode != NEGATIVE_PRODUCT;
                let terms = input.iter().zip(gradient);
                sum += terms
                    .filter(|&(&value, _)| everywhere || value <= 0.0)
                    .map(|(&value, &incoming)| f64::from(value) * f64::from(incoming))
                    .sum::<f64>();
            }
            *partial = sum as f32;
        });
}
