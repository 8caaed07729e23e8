//! Twin of [`kernels::pdpgd_step`](crate::kernels::pdpgd_step).

use rayon::prelude::*;

use super::alma_step::slopes;
use super::elementary::{max, min};
use super::rows::sizes;
use super::steps::widest;
use super::vectors::largest_of;
use crate::kernels::ledger::{HEADER, NOT_FINITE, STATE, STATE_ITERATION, STATE_LENGTH};
use crate::kernels::ledger::{IMAGE_GROUP, image_groups};
use crate::kernels::minimal_settle::{RATE, STATE_SCHEDULE};
use crate::kernels::pdpgd_step::{LEAST_METRIC, Params, REGION};

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
    let group_size = IMAGE_GROUP as usize;
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
        let words = 2 * image_groups(params.extent) as usize;
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
                let own = begin..begin + firsts.len();
                if iteration == 0 {
                    firsts.fill(0.0);
                    seconds.fill(0.0);
                }
                let (mut slopes, finite) = slopes(&gradient[own.clone()], region, begin);
                let images = image[own.clone()].iter().zip(&source[own]);
                widest(
                    #[inline(always)]
                    || {
                        let moments = firsts.iter_mut().zip(seconds.iter_mut());
                        let outputs = moments.zip(metric.iter_mut()).zip(anchor.iter_mut());
                        let inputs = slopes.iter_mut().zip(images.clone());
                        for ((place, (&image, &source)), (((first, second), metric), anchor)) in
                            inputs.zip(outputs)
                        {
                            let slope = *place;
                            *first = 0.9 * *first + 0.1 * slope;
                            *second = 0.999 * *second + 0.001 * (slope * slope);
                            *metric = second.sqrt() / schedule[2] + LEAST_METRIC;
                            let stepped = image - source - rate * (*first / *metric);
                            *anchor = max(min(source + stepped, 1.0), 0.0) - source;
                            *place = anchor.abs();
                        }
                    },
                );
                let [far, most] = [&slopes, &*metric].map(|values| largest_of(values).max(0.0));
                largest.copy_from_slice(&[far, most].map(f32::to_bits));
                finite
            })
            .reduce(|| true, |all, group| all && group);
        if !finite && ledger[NOT_FINITE] == 0 {
            ledger[NOT_FINITE] = iteration + 1;
        }
    }
}
