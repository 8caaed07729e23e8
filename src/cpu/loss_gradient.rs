//! Twin of [`kernels::loss_gradient`](crate::kernels::loss_gradient).

use rayon::prelude::*;

use super::loss_sums::gather_logits;
use super::rows::{for_each_row, sizes};
use crate::kernels::loss_gradient::Params;
use crate::kernels::loss_sums::TERMS;

/// `output_c = cross_entropy · dCE/dz_c + dice · dDice/dz_c`.
pub fn run(
    params: &Params,
    logits: &[f32],
    labels: &[u32],
    class_weights: &[f32],
    totals: &[f32],
    output: &mut [f32],
) {
    let [samples, classes, h, w] = sizes(params.extent);
    let total = |class: usize, term: usize| totals[TERMS * class + term];
    let weights: f32 = (0..classes).map(|class| total(class, 1)).sum();
    let dice_derivative = |class: usize, label: usize| {
        if class == 0 {
            return 0.0;
        }
        let numerator = 2.0 * total(class, 2) + params.smoothing;
        let denominator = total(class, 3) + total(class, 4) + params.smoothing;
        let hit = if class == label { 2.0 * denominator } else { 0.0 };
        (numerator - hit) / (denominator * denominator) / (classes - 1) as f32
    };
    // For each pixel its probabilities, then the mean derivative of the Dice loss.
    let stride = classes + 1;
    let mut pixels = vec![0.0; samples * h * w * stride];
    pixels
        .par_chunks_exact_mut(stride)
        .enumerate()
        .with_min_len(1024)
        .for_each(|(pixel, values)| {
            let label = labels[pixel] as usize;
            let (probabilities, mean_derivative) = values.split_at_mut(classes);
            gather_logits(params.logits, params.extent, logits, pixel, probabilities);
            let largest = probabilities.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = probabilities.iter().map(|logit| (logit - largest).exp()).sum();
            for (class, value) in probabilities.iter_mut().enumerate() {
                *value = (*value - largest).exp() / sum;
                mean_derivative[0] += dice_derivative(class, label) * *value;
            }
        });
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        for (x, out) in out.iter_mut().enumerate() {
            let pixel = (n * h + y) * w + x;
            let label = labels[pixel] as usize;
            let values = &pixels[pixel * stride..(pixel + 1) * stride];
            *out = if label >= classes {
                0.0
            } else {
                let weight = if weights > 0.0 {
                    class_weights[label] / weights
                } else {
                    0.0
                };
                let hit = if c == label { 1.0 } else { 0.0 };
                let of_dice = values[c] * (dice_derivative(c, label) - values[classes]);
                params.cross_entropy * weight * (values[c] - hit) + params.dice * of_dice
            };
        }
    });
}
