//! Twin of [`kernels::alma_step`](crate::kernels::alma_step).

use rayon::prelude::*;

use super::elementary::{max, min};
use super::rows::{SMALLEST_PIECE, sizes};
use super::steps::widest;
use crate::kernels::alma_step::{LEAST_METRIC, MOST_GRADIENT, Params, REGION};
use crate::kernels::ledger::{NOT_FINITE, STATE, STATE_ITERATION, STATE_LENGTH};
use crate::kernels::minimal_settle::{STATE_SCHEDULE, STATE_STEP};

/// The second moment, the metric and the point of the proximal step.
#[allow(clippy::too_many_arguments)]
pub fn run(
    params: &Params,
    gradient: &[f32],
    source: &[f32],
    image: &[f32],
    region: &[u32],
    second_moment: &mut [f32],
    metric: &mut [f32],
    point: &mut [f32],
    ledger: &mut [u32],
) {
    let [samples, channels, h, w] = sizes(params.extent);
    let (pixels, elements) = (h * w, channels * h * w);
    for n in 0..samples {
        let of_sample = n * elements..(n + 1) * elements;
        let ledger = &mut ledger[n * params.ledger_length as usize..][..params.ledger_length as usize];
        let state = |parity: u32, word: usize| ledger[STATE + parity as usize * STATE_LENGTH + word];
        let iteration = state(params.parity, STATE_ITERATION);
        let correction = f32::from_bits(state(params.parity, STATE_SCHEDULE + 1));
        let step = f32::from_bits(state(1 - params.parity, STATE_STEP));
        let region = (params.flags & REGION != 0).then(|| &region[n * pixels..(n + 1) * pixels]);
        let of_image = (
            &gradient[of_sample.clone()],
            &source[of_sample.clone()],
            &image[of_sample.clone()],
        );
        let finite = (
            second_moment[of_sample.clone()].par_chunks_mut(SMALLEST_PIECE),
            metric[of_sample.clone()].par_chunks_mut(SMALLEST_PIECE),
            point[of_sample].par_chunks_mut(SMALLEST_PIECE),
        )
            .into_par_iter()
            .enumerate()
            .map(|(piece, (moments, metric, point))| {
                let begin = piece * SMALLEST_PIECE;
                let own = begin..begin + moments.len();
                if iteration == 0 {
                    moments.fill(0.0);
                }
                let (slopes, finite) = slopes(&of_image.0[own.clone()], region, begin);
                let images = of_image.2[own.clone()].iter().zip(&of_image.1[own]);
                widest(
                    #[inline(always)]
                    || {
                        let outputs = moments.iter_mut().zip(metric.iter_mut()).zip(point.iter_mut());
                        let inputs = slopes.iter().zip(images.clone());
                        for ((&slope, (&image, &source)), ((moment, metric), point)) in inputs.zip(outputs) {
                            let next = 0.8 * *moment + 0.2 * (slope * slope);
                            let factor = max((next / correction).sqrt(), LEAST_METRIC);
                            *moment = next;
                            *metric = factor;
                            *point = image - source - step / factor * slope;
                        }
                    },
                );
                finite
            })
            .reduce(|| true, |all, piece| all && piece);
        if !finite && ledger[NOT_FINITE] == 0 {
            ledger[NOT_FINITE] = iteration + 1;
        }
    }
}

/// The gradient that steps go by, of elements from `begin` on: within bounds, and 0 where the region has no pixel. And
/// whether all of it was finite.
pub(super) fn slopes(gradient: &[f32], region: Option<&[u32]>, begin: usize) -> (Vec<f32>, bool) {
    let mut slopes = gradient.to_vec();
    let mut lost = 0.0f32;
    widest(
        #[inline(always)]
        || {
            for slope in &mut slopes {
                // Of what is no number, this is none either.
                lost = if slope.abs() < f32::INFINITY {
                    lost
                } else {
                    f32::INFINITY
                };
                *slope = max(min(*slope, MOST_GRADIENT), -MOST_GRADIENT);
            }
        },
    );
    if let Some(region) = region {
        for (i, slope) in (begin..).zip(&mut slopes) {
            if region[i % region.len()] == 0 {
                *slope = 0.0;
            }
        }
    }
    (slopes, lost == 0.0)
}
