//! Twin of [`kernels::pdpgd_seed`](crate::kernels::pdpgd_seed).

use rayon::prelude::*;

use super::alma_constraints::added;
use super::elementary::{exponential, logarithm, max, min, sigmoid, sign, softplus};
use super::ranked_classes::{count, for_each_ranked};
use super::rows::{bands, sizes};
use super::steps::widest;
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
            let first = state[STATE_ITERATION] == 0;
            Rules {
                first,
                counted: ledger[COUNTED] as f32,
                // Nothing was left before the first iteration.
                total: if first {
                    1.0
                } else {
                    (1.0 + powers.sum::<f64>()) as f32
                },
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
            let mut found = Found::of(w);
            for_each_ranked(logits, tensor, (n, y), labels, |x, label, ranked| {
                count(counts_of_sample, label, ranked.classes[0]);
                let rival = ranked.classes[ranked.rival(label)];
                found.pixels.push((x, label, rival));
                found.differences.push(sign_of_goal * ranked.margin(label));
                found.log_duals.push(log_duals[x]);
                found.weights.push(weights[x]);
            });
            rules[n].weigh(&mut found);
            for (i, &(x, label, rival)) in found.pixels.iter().enumerate() {
                (log_duals[x], weights[x]) = (found.log_duals[i], found.weights[i]);
                parts[x] = [found.losses[i], found.powers[i]];
                let slope = sign_of_goal * found.slopes[i];
                if channels == 1 {
                    band.channels[0][x] = if label == 1 { 2.0 * slope } else { -2.0 * slope };
                } else {
                    band.channels[label as usize][x] = slope;
                    band.channels[rival as usize][x] = -slope;
                }
            }
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
        sums.par_chunks_mut(SUMS_OF_SEEDS)
            .zip(parts[n * pixels..(n + 1) * pixels].par_chunks(SEED_GROUP as usize))
            .for_each(|(sums, parts)| {
                for (word, sum) in sums.iter_mut().enumerate() {
                    *sum = parts.iter().map(|part| f64::from(part[word])).sum::<f64>() as f32;
                }
            });
    }
}

/// The pixels of a row that have a label, one behind the other.
struct Found {
    /// Column, label and the largest other class.
    pixels: Vec<(usize, u32, u32)>,
    differences: Vec<f32>,
    log_duals: Vec<f32>,
    weights: Vec<f32>,
    losses: Vec<f32>,
    /// e^Λ of the next iteration.
    powers: Vec<f32>,
    slopes: Vec<f32>,
}

impl Found {
    /// None yet, and room for so many.
    fn of(most: usize) -> Self {
        let list = || Vec::with_capacity(most);
        Found {
            pixels: Vec::with_capacity(most),
            differences: list(),
            log_duals: list(),
            weights: list(),
            losses: list(),
            powers: list(),
            slopes: list(),
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
    /// Moves Λ and the average weights, and what follows from them.
    fn weigh(&self, found: &mut Found) {
        let count = found.pixels.len();
        for list in [&mut found.losses, &mut found.powers, &mut found.slopes] {
            list.resize(count, 0.0);
        }
        if self.first {
            found.log_duals.fill(-logarithm(self.counted));
            found.weights.fill(0.5 / self.counted);
        }
        let kept = if self.first { 1.0 } else { 0.9 };
        let added = if self.first { 0.0 } else { 0.1 };
        widest(
            #[inline(always)]
            || {
                let duals = found.log_duals.iter_mut().zip(found.weights.iter_mut());
                let outputs = found.losses.iter_mut().zip(found.powers.iter_mut());
                let outputs = outputs.zip(found.slopes.iter_mut());
                let pixels = found.differences.iter().zip(duals).zip(outputs);
                for ((&difference, (log_dual, weight)), ((loss, power), slope)) in pixels {
                    *weight = kept * *weight + added * (exponential(*log_dual) / self.total);
                    let moved = *log_dual + self.dual_step * sign(difference);
                    *log_dual = max(min(moved, MOST_LOG_DUAL), -MOST_LOG_DUAL);
                    *power = exponential(*log_dual);
                    *loss = *weight * softplus(difference);
                    *slope = *weight * sigmoid(difference);
                }
            },
        );
    }
}
