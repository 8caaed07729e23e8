//! Twin of [`kernels::alma_step`](crate::kernels::alma_step).

use rayon::prelude::*;

use super::rows::{SMALLEST_PIECE, sizes};
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
                let end = begin + moments.len();
                let inputs = of_image.0[begin..end]
                    .iter()
                    .zip(&of_image.1[begin..end])
                    .zip(&of_image.2[begin..end]);
                let outputs = moments.iter_mut().zip(metric).zip(point);
                let mut finite = true;
                for (i, (((&gradient, &source), &image), ((moment, metric), point))) in
                    (begin..).zip(inputs.zip(outputs))
                {
                    finite &= gradient.is_finite();
                    let slope = match region {
                        Some(region) if region[i % pixels] == 0 => 0.0,
                        _ => gradient.clamp(-MOST_GRADIENT, MOST_GRADIENT),
                    };
                    let before = if iteration == 0 { 0.0 } else { 0.8 * *moment };
                    *moment = before + 0.2 * (slope * slope);
                    *metric = (*moment / correction).sqrt().max(LEAST_METRIC);
                    *point = image - source - step / *metric * slope;
                }
                finite
            })
            .reduce(|| true, |all, piece| all && piece);
        if !finite && ledger[NOT_FINITE] == 0 {
            ledger[NOT_FINITE] = iteration + 1;
        }
    }
}
