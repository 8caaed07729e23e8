//! Changes of an image that move nothing: blur, brightness, contrast, colour, noise.

use super::random::Random;
use crate::tensor::Tensor;

/// Below this many pixels, all of a Gaussian lies within its own pixel as far as a float can tell.
const NO_BLUR: f32 = 0.1;

/// Blurs each plane with a Gaussian of standard deviation `sigma` in pixels, the edge continued outside.
pub(super) fn blur(image: &mut Tensor, sigma: f32) {
    let shape = image.shape();
    if sigma < NO_BLUR || shape.pixels() == 0 {
        return;
    }
    let kernel = gaussian(sigma);
    let radius = kernel.len() / 2;
    let mut padded = vec![0.0; shape.w + 2 * radius];
    let mut across = vec![0.0; shape.pixels()];
    for plane in image.data_mut().chunks_exact_mut(shape.pixels()) {
        for (row, across) in plane.chunks_exact(shape.w).zip(across.chunks_exact_mut(shape.w)) {
            padded[..radius].fill(row[0]);
            padded[radius..radius + shape.w].copy_from_slice(row);
            padded[radius + shape.w..].fill(row[shape.w - 1]);
            across.fill(0.0);
            for (offset, &weight) in kernel.iter().enumerate() {
                add_weighted(across, &padded[offset..offset + shape.w], weight);
            }
        }
        for (y, row) in plane.chunks_exact_mut(shape.w).enumerate() {
            row.fill(0.0);
            for (offset, &weight) in kernel.iter().enumerate() {
                let source = (y + offset).saturating_sub(radius).min(shape.h - 1);
                add_weighted(row, &across[source * shape.w..][..shape.w], weight);
            }
        }
    }
}

/// The weights of a Gaussian out to three standard deviations; their sum is 1.
fn gaussian(sigma: f32) -> Vec<f32> {
    let radius = (3.0 * sigma).ceil();
    let weight = |distance: f32| libm::expf(-distance * distance / (2.0 * sigma * sigma));
    let weights: Vec<f32> = (0..=2 * radius as usize)
        .map(|index| weight(index as f32 - radius))
        .collect();
    let sum: f32 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

fn add_weighted(sum: &mut [f32], values: &[f32], weight: f32) {
    for (sum, &value) in sum.iter_mut().zip(values) {
        *sum += weight * value;
    }
}

/// Spreads all values by the factor `contrast` about their mean, adds `brightness`, and multiplies each
/// channel by its gain.
pub(super) fn tone(image: &mut Tensor, brightness: f32, contrast: f32, gains: &[f32]) {
    let shape = image.shape();
    if shape.elements() == 0 {
        return;
    }
    let sum: f64 = image.data().iter().map(|&value| f64::from(value)).sum();
    let mean = (sum / shape.elements() as f64) as f32;
    for (plane, &gain) in image.data_mut().chunks_exact_mut(shape.pixels()).zip(gains) {
        for value in plane {
            *value = ((*value - mean) * contrast + mean + brightness) * gain;
        }
    }
}

/// Adds normal deviates of this standard deviation, each value's own.
pub(super) fn noise(image: &mut Tensor, deviation: f32, seed: u64) {
    let mut random = Random::new(seed);
    for pair in image.data_mut().chunks_mut(2) {
        let (first, second) = random.normal_pair();
        for (value, deviate) in pair.iter_mut().zip([first, second]) {
            *value += deviation * deviate;
        }
    }
}

/// Cuts all values to \[0, 1\].
pub(super) fn clip(image: &mut Tensor) {
    for value in image.data_mut() {
        *value = value.clamp(0.0, 1.0);
    }
}
