//! How alike two images look: PSNR and SSIM.

use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// Side of the window that SSIM looks through.
const SIDE: usize = 11;
/// Standard deviation of the window's weights, in pixels.
const SIGMA: f64 = 1.5;
const K1: f64 = 0.01;
const K2: f64 = 0.03;

/// Peak signal-to-noise ratio in decibels, of values from 0 to 1; infinite for equal images.
///
/// # Errors
/// If the images differ in shape.
pub fn psnr(one: &Tensor, other: &Tensor) -> Result<f64> {
    same_shape(one, other)?;
    let squares: f64 = one
        .data()
        .iter()
        .zip(other.data())
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
        .sum();
    Ok(-10.0 * (squares / one.data().len() as f64).log10())
}

/// Mean structural similarity of values from 0 to 1, averaged over the channels: Wang, Bovik, Sheikh and Simoncelli, *Image
/// Quality Assessment: From Error Visibility to Structural Similarity*, 2004, with their window of 11×11 Gaussian weights
/// (σ = 1.5), K₁ = 0.01 and K₂ = 0.03, over all windows that lie in the image. In a smaller image the window is as large
/// as the image lets it, an odd number of pixels a side.
///
/// # Errors
/// If the images differ in shape.
pub fn ssim(one: &Tensor, other: &Tensor) -> Result<f64> {
    same_shape(one, other)?;
    let shape = one.shape();
    let largest = shape.h.min(shape.w);
    let side = SIDE.min(largest - (largest + 1) % 2);
    let mut total = 0.0;
    for sample in 0..shape.n {
        for channel in 0..shape.c {
            let planes = [one, other].map(|image| image.plane(sample, channel));
            total += plane_ssim(planes, shape.h, shape.w, side);
        }
    }
    Ok(total / (shape.n * shape.c) as f64)
}

fn plane_ssim([one, other]: [&[f32]; 2], height: usize, width: usize, side: usize) -> f64 {
    let blurred = |value: &dyn Fn(f64, f64) -> f64| {
        let plane = one
            .iter()
            .zip(other)
            .map(|(a, b)| value((*a).into(), (*b).into()));
        blur(&plane.collect::<Vec<f64>>(), height, width, side)
    };
    let (mean_a, mean_b) = (blurred(&|a, _| a), blurred(&|_, b| b));
    let (aa, bb, ab) = (
        blurred(&|a, _| a * a),
        blurred(&|_, b| b * b),
        blurred(&|a, b| a * b),
    );
    let (c1, c2) = (K1 * K1, K2 * K2);
    let similarity = |i: usize| {
        let (a, b) = (mean_a[i], mean_b[i]);
        let (variance_a, variance_b, covariance) = (aa[i] - a * a, bb[i] - b * b, ab[i] - a * b);
        (2.0 * a * b + c1) * (2.0 * covariance + c2) / ((a * a + b * b + c1) * (variance_a + variance_b + c2))
    };
    (0..mean_a.len()).map(similarity).sum::<f64>() / mean_a.len() as f64
}

/// The weighted means of all windows that lie in a plane: rows first, then columns.
fn blur(plane: &[f64], height: usize, width: usize, side: usize) -> Vec<f64> {
    let half = (side / 2) as f64;
    let weights: Vec<f64> = (0..side)
        .map(|i| (-(i as f64 - half).powi(2) / (2.0 * SIGMA * SIGMA)).exp())
        .collect();
    let sum: f64 = weights.iter().sum();
    let weights: Vec<f64> = weights.iter().map(|weight| weight / sum).collect();
    let (rows, columns) = (height + 1 - side, width + 1 - side);
    let mut along = Vec::with_capacity(height * columns);
    for row in plane.chunks_exact(width) {
        along.extend(
            row.windows(side)
                .map(|window| window.iter().zip(&weights).map(|(v, w)| v * w).sum::<f64>()),
        );
    }
    let mut result = Vec::with_capacity(rows * columns);
    for y in 0..rows {
        for x in 0..columns {
            let column = weights.iter().enumerate();
            result.push(column.map(|(i, w)| w * along[(y + i) * columns + x]).sum());
        }
    }
    result
}

fn same_shape(one: &Tensor, other: &Tensor) -> Result<()> {
    match one.shape() == other.shape() && one.shape().elements() > 0 {
        true => Ok(()),
        false => Err(Error::Usage(format!(
            "images of shape {} and {} cannot be compared; want the same shape",
            one.shape(),
            other.shape()
        ))),
    }
}
