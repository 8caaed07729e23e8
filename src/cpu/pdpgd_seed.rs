//! Twin of [`kernels::pdpgd_seed`](crate::kernels::pdpgd_seed).

use rayon::prelude::*;

use super::alma_constraints::added;
use super::elementary::{exponential, logarithm, sigmoid, sign, softplus};
use super::ranked_classes::{count, for_each_ranked};
use super::rows::{bands, sizes};
use crate::kernels::ledger::{STATE, STATE_ITERATION, STATE_LENGTH, counts_length};
use crate::kernels::minimal_settle::{COUNTED, SEED_GROUP, STATE_SCHEDULE, SUMS_OF_SEEDS, seed_groups};
use crate::kernels::pdpgd_seed::{MOST_LOG_DUAL, PLANES, Params, TARGETED};

/// The dual weights moved, `seed` = the gradient of the loss by the logits, `counts` added to, and partial sums.
#[allow(clippy::too_many_arguments)]
pub fn run(
    params: &Params,
    logits: &[f32],
    labels: &[u32],
    ledger: &[u32],
    seed: &mut [f32],
    duals: &mut [f32],
    counts: &mut [u32],
    sums: &mut [f32],
) {
    let [samples, channels, h, w] = sizes(params.extent);
    let pixels = h * w;
    let parity = params.parity as usize;
    let sums_of_half = seed_groups(params.extent) as usize * SUMS_OF_SEEDS;
    let counts_length = counts_length(params.class_count as usize);
    let sign_of_goal = if params.flags & TARGETED != 0 { -1.0 } else { 1.0 };
    let rules: Vec<Rules> = (0..samples)
        .map(|n| {
            let ledger = &ledger[n * params.ledger_length as usize..];
            let state = &ledger[STATE + parity * STATE_LENGTH..];
            let before = &sums[(2 * n + 1 - parity) * sums_of_half..][..sums_of_half];
            let powers = before
                .iter()
                .skip(1)
                .step_by(SUMS_OF_SEEDS)
                .map(|&sum| f64::from(sum));
            Rules {
                first: state[STATE_ITERATION] == 0,
                counted: ledger[COUNTED] as f32,
                total: (1.0 + powers.sum::<f64>()) as f32,
                dual_step: f32::from_bits(state[STATE_SCHEDULE + 3]),
            }
        })
        .collect();
    let mut planes: Vec<_> = duals[..samples * PLANES * pixels]
        .chunks_mut(w)
        .map(Some)
        .collect();
    let mut parts = vec![[0.0f32; 2]; samples * pixels];
    let rows: Vec<_> = bands(seed, params.seed, params.extent, 1)
        .into_iter()
        .zip(parts.chunks_mut(w))
        .map(|(band, parts)| {
            let first = (band.n * PLANES * h) + band.first;
            let own = [0, 1].map(|plane| planes[first + plane * h].take().unwrap_or_default());
            (band, parts, own)
        })
        .collect();
    let none = || vec![0; samples * counts_length];
    let counted = rows
        .into_par_iter()
        .fold(none, |mut counts, (mut band, parts, [log_duals, weights])| {
            let (n, y) = (band.n, band.first);
            let labels = &labels[(n * h + y) * w..(n * h + y + 1) * w];
            let counts_of_sample = &mut counts[n * counts_length..(n + 1) * counts_length];
            for row in &mut band.channels {
                row[..w].fill(0.0);
            }
            let tensor = (params.logits, params.extent);
            for_each_ranked(logits, tensor, (n, y), labels, |x, label, ranked| {
                count(counts_of_sample, label, ranked.classes[0]);
                let difference = sign_of_goal * ranked.margin(label);
                let duals = (&mut log_duals[x], &mut weights[x]);
                let (weight, power) = rules[n].weigh(difference, duals);
                parts[x] = [weight * softplus(difference), power];
                let slope = sign_of_goal * weight * sigmoid(difference);
                if channels == 1 {
                    band.channels[0][x] = if label == 1 { 2.0 * slope } else { -2.0 * slope };
                } else {
                    band.channels[label as usize][x] = slope;
                    band.channels[ranked.classes[ranked.rival(label)] as usize][x] = -slope;
                }
            });
            counts
        })
        .reduce(none, added);
    for n in 0..samples {
        let counts = &mut counts[(2 * n + parity) * counts_length..][..counts_length];
        let counted = &counted[n * counts_length..(n + 1) * counts_length];
        counts
            .iter_mut()
            .zip(counted)
            .for_each(|(sum, count)| *sum += count);
        let sums = &mut sums[(2 * n + parity) * sums_of_half..][..sums_of_half];
        let of_groups = parts[n * pixels..(n + 1) * pixels].chunks(SEED_GROUP as usize);
        for (sums, parts) in sums.chunks_mut(SUMS_OF_SEEDS).zip(of_groups) {
            for (word, sum) in sums.iter_mut().enumerate() {
                *sum = parts.iter().map(|part| f64::from(part[word])).sum::<f64>() as f32;
            }
        }
    }
}

/// How the pixels of one sample are weighed.
struct Rules {
    first: bool,
    counted: f32,
    /// 1 + Σe^Λ.
    total: f32,
    dual_step: f32,
}

impl Rules {
    /// Moves Λ and the average weight of a pixel; that, and e^Λ of the next iteration.
    fn weigh(&self, difference: f32, (log_dual, weight): (&mut f32, &mut f32)) -> (f32, f32) {
        if self.first {
            *log_dual = -logarithm(self.counted);
            *weight = 0.5 / self.counted;
        } else {
            *weight = 0.9 * *weight + 0.1 * (exponential(*log_dual) / self.total);
        }
        let moved = *log_dual + self.dual_step * sign(difference);
        *log_dual = moved.clamp(-MOST_LOG_DUAL, MOST_LOG_DUAL);
        (*weight, exponential(*log_dual))
    }
}
