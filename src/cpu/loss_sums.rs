//! Twin of [`kernels::loss_sums`](crate::kernels::loss_sums).

use rayon::prelude::*;

use super::rows::{pixels_of, sizes};
use crate::kernels::Extent;
use crate::kernels::View;
use crate::kernels::loss_sums::{Params, TERMS};

/// `partials[chunk, class] = [Σ w·(−ln p)·[Y=c], Σ w·[Y=c], Σ p·[Y=c], Σ p, Σ [Y=c]]` over the chunk's pixels.
pub fn run(params: &Params, logits: &[f32], labels: &[u32], class_weights: &[f32], partials: &mut [f32]) {
    let classes = params.extent.c as usize;
    partials[..params.chunks() as usize * classes * TERMS]
        .par_chunks_exact_mut(classes * TERMS)
        .enumerate()
        .for_each(|(chunk, partial)| {
            let mut sums = vec![[0.0f64; TERMS]; classes];
            let mut pixel_logits = vec![0.0; classes];
            for pixel in pixels_of(chunk, params.pixels_per_chunk, params.extent) {
                let label = labels[pixel] as usize;
                if label >= classes {
                    continue;
                }
                gather_logits(params.logits, params.extent, logits, pixel, &mut pixel_logits);
                let largest = pixel_logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f32 = pixel_logits.iter().map(|logit| (logit - largest).exp()).sum();
                for (class, (sums, &logit)) in sums.iter_mut().zip(&pixel_logits).enumerate() {
                    let probability = f64::from((logit - largest).exp() / sum);
                    sums[3] += probability;
                    if class == label {
                        let weight = f64::from(class_weights[class]);
                        sums[0] += weight * f64::from(sum.ln() - (logit - largest));
                        sums[1] += weight;
                        sums[2] += probability;
                        sums[4] += 1.0;
                    }
                }
            }
            for (partial, sum) in partial.iter_mut().zip(sums.as_flattened()) {
                *partial = *sum as f32;
            }
        });
}

/// All classes' logits of one pixel, counted through all samples.
pub(super) fn gather_logits(view: View, extent: Extent, logits: &[f32], pixel: usize, out: &mut [f32]) {
    let [_, _, h, w] = sizes(extent);
    let (n, y, x) = (pixel / (h * w), pixel % (h * w) / w, pixel % w);
    for (class, out) in out.iter_mut().enumerate() {
        *out = logits[view.at(n, class, y, x)];
    }
}
