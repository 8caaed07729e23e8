//! Twin of [`kernels::pdpgd_step`](crate::kernels::pdpgd_step).

use rayon::prelude::*;

use super::rows::sizes;
use crate::kernels::ledger::{HEADER, NOT_FINITE, STATE, STATE_ITERATION, STATE_LENGTH};
use crate::kernels::minimal_settle::{RATE, STATE_SCHEDULE};
use crate::kernels::pdpgd_step::{LEAST_METRIC, MOST_GRADIENT, Params, REGION};
use crate::kernels::proximal_clip::{GROUP, groups};

/// The moments, the metric and the anchor of the rounds.
#[allow(clippy::too_many_arguments)]
pub fn run(
    params: &Params,
    gradient: &[f32],
    source: &[f32],
    image: &[f32],
    region: &[u32],
    moments: &mut [f32],
    metric: &mut [f32],
    anchor: &mut [f32],
    ledger: &mut [u32],
) {
    let [samples, channels, h, w] = sizes(params.extent);
    let (pixels, elements) = (h * w, channels * h * w);
    let group_size = GROUP as usize;
    for n in 0..samples {
        let of_sample = n * elements..(n + 1) * elements;
        let ledger = &mut ledger[n * params.ledger_length as usize..][..params.ledger_length as usize];
        let state = &ledger[STATE + params.parity as usize * STATE_LENGTH..][..STATE_LENGTH];
        let iteration = state[STATE_ITERATION];
        let schedule = [0, 1, 2].map(|word| f32::from_bits(state[STATE_SCHEDULE + word]));
        let rate = f32::from_bits(ledger[RATE]) * schedule[0] / schedule[1];
        let region = (params.flags & REGION != 0).then(|| &region[n * pixels..(n + 1) * pixels]);
        let (gradient, source) = (&gradient[of_sample.clone()], &source[of_sample.clone()]);
        let image = &image[of_sample.clone()];
        let (firsts, seconds) = moments[2 * n * elements..2 * (n + 1) * elements].split_at_mut(elements);
        let words = 2 * groups(params.extent) as usize;
        let half = &mut ledger[HEADER + (1 - params.parity as usize) * words..][..words];
        let finite = (
            firsts.par_chunks_mut(group_size),
            seconds.par_chunks_mut(group_size),
            metric[of_sample.clone()].par_chunks_mut(group_size),
            anchor[of_sample].par_chunks_mut(group_size),
            half.par_chunks_mut(2),
        )
            .into_par_iter()
            .enumerate()
            .map(|(group, (firsts, seconds, metric, anchor, largest))| {
                let begin = group * group_size;
                let (mut finite, mut most) = (true, 0.0f32);
                let outputs = firsts.iter_mut().zip(seconds).zip(metric).zip(anchor);
                for (i, (((first, second), metric), anchor)) in (begin..).zip(outputs) {
                    finite &= gradient[i].is_finite();
                    let slope = match region {
                        Some(region) if region[i % pixels] == 0 => 0.0,
                        _ => gradient[i].clamp(-MOST_GRADIENT, MOST_GRADIENT),
                    };
                    let before = match iteration {
                        0 => [0.0; 2],
                        _ => [0.9 * *first, 0.999 * *second],
                    };
                    *first = before[0] + 0.1 * slope;
                    *second = before[1] + 0.001 * (slope * slope);
                    *metric = second.sqrt() / schedule[2] + LEAST_METRIC;
                    most = most.max(*metric);
                    let stepped = image[i] - source[i] - rate * (*first / *metric);
                    *anchor = (source[i] + stepped).clamp(0.0, 1.0) - source[i];
                }
                largest[1] = most.to_bits();
                finite
            })
            .reduce(|| true, |all, group| all && group);
        if !finite && ledger[NOT_FINITE] == 0 {
            ledger[NOT_FINITE] = iteration + 1;
        }
    }
}
