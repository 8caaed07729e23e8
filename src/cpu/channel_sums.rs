//! Twin of [`kernels::channel_sums`](crate::kernels::channel_sums).

use rayon::prelude::*;

use super::rows::{pixels_of, sizes};
use crate::kernels::channel_sums::{GRADIENT, NEGATIVE_PRODUCT, Params};

/// `partials[chunk, c] = Σ gradient`, or `Σ input · gradient`, everywhere or where `input ≤ 0`, over the
/// chunk's pixels.
pub fn run(params: &Params, input: &[f32], gradient: &[f32], partials: &mut [f32]) {
    let [_, channels, h, w] = sizes(params.extent);
    partials[..params.chunks() as usize * channels]
        .par_iter_mut()
        .enumerate()
        .for_each(|(index, partial)| {
            let (chunk, c) = (index / channels, index % channels);
            let mut sum = 0.0f64;
            for pixel in pixels_of(chunk, params.pixels_per_chunk, params.extent) {
                let (n, y, x) = (pixel / (h * w), pixel % (h * w) / w, pixel % w);
                let incoming = f64::from(gradient[params.gradient.at(n, c, y, x)]);
                sum += if params.mode == GRADIENT {
                    incoming
                } else {
                    let value = f64::from(input[params.input.at(n, c, y, x)]);
                    match params.mode == NEGATIVE_PRODUCT && value > 0.0 {
                        true => 0.0,
                        false => value * incoming,
                    }
                };
            }
            *partial = sum as f32;
        });
}
