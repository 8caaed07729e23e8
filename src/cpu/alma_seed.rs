//! Twin of [`kernels::alma_seed`](crate::kernels::alma_seed).

use rayon::prelude::*;

use super::alma_constraints::LogitRatio;
use super::ranked_classes::{Ranked, for_each_ranked};
use super::rows::{bands, sizes};
use crate::kernels::alma_constraints::LOGIT_TOLERANCE;
use crate::kernels::alma_seed::{
    CHECK_EVERY, FIRST_PARAMETER, IMPROVEMENT, MOST_LOSS, MOST_PARAMETER, MOST_SLOPE, MULTIPLIERS_WITHIN,
    PLANES, PUBLISHED, Params, TARGETED,
};
use crate::kernels::ledger::{STATE, STATE_ITERATION, STATE_LENGTH, counts_length};
use crate::kernels::minimal_settle::{
    SCALE_AT_SUCCESS, SCALE_ELSE, SCALES, SEED_GROUP, SPARED, STATE_SCALE, SUMS_OF_SEEDS, seed_groups,
};
use crate::kernels::select::LENGTH;

/// The multipliers moved, `seed` = the gradient of the penalties by the logits, and their sums.
#[allow(clippy::too_many_arguments)]
pub fn run(
    params: &Params,
    logits: &[f32],
    labels: &[u32],
    counts: &[u32],
    selection: &[u32],
    ledger: &[u32],
    seed: &mut [f32],
    multipliers: &mut [f32],
    sums: &mut [f32],
) {
    let [samples, _, h, w] = sizes(params.extent);
    let pixels = h * w;
    let parity = params.parity as usize;
    let groups = seed_groups(params.extent) as usize;
    let rules: Vec<Rules> = (0..samples)
        .map(|n| {
            let ledger = &ledger[n * params.ledger_length as usize..];
            let length = counts_length(params.class_count as usize);
            let counts = &counts[(2 * n + parity) * length..][..length];
            Rules::new(params, ledger, counts, &selection[n * LENGTH..(n + 1) * LENGTH])
        })
        .collect();
    let mut losses = vec![0.0f32; samples * pixels];
    let mut planes: Vec<_> = multipliers[..samples * PLANES * pixels]
        .chunks_mut(w)
        .map(Some)
        .collect();
    let rows: Vec<_> = bands(seed, params.seed, params.extent, 1)
        .into_iter()
        .zip(losses.chunks_mut(w))
        .map(|(band, losses)| {
            let first = (band.n * PLANES * h) + band.first;
            let own = [0, 1, 2, 3].map(|plane| planes[first + plane * h].take().unwrap_or_default());
            (band, losses, own)
        })
        .collect();
    rows.into_par_iter().for_each(|(mut band, losses, mut own)| {
        let rules = &rules[band.n];
        let (n, y) = (band.n, band.first);
        let labels = &labels[(n * h + y) * w..(n * h + y + 1) * w];
        for row in &mut band.channels {
            row[..w].fill(0.0);
        }
        let tensor = (params.logits, params.extent);
        for_each_ranked(logits, tensor, (n, y), labels, |x, label, ranked| {
            let multipliers = own.each_mut().map(|plane| &mut plane[x]);
            let (loss, slope) = rules.penalise(&ranked, label, multipliers);
            losses[x] = loss;
            rules.write_seed(&ranked, label, slope, |class, value| {
                if let Some(row) = band.channels.get_mut(class) {
                    row[x] += value;
                }
            });
        });
    });
    for (n, losses) in losses.chunks(pixels).enumerate() {
        let sums = &mut sums[(2 * n + parity) * groups * SUMS_OF_SEEDS..][..groups * SUMS_OF_SEEDS];
        for (sums, losses) in sums
            .chunks_mut(SUMS_OF_SEEDS)
            .zip(losses.chunks(SEED_GROUP as usize))
        {
            sums[0] = losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() as f32;
        }
    }
}

/// How the pixels of one sample are penalised.
struct Rules {
    ratio: LogitRatio,
    targeted: bool,
    published: bool,
    one_channel: bool,
    first: bool,
    checks: bool,
    /// The scale of the constraints.
    scale: f32,
    /// Pixels whose ratio is above it are left out.
    bound: f32,
}

impl Rules {
    fn new(params: &Params, ledger: &[u32], counts: &[u32], selection: &[u32]) -> Rules {
        let targeted = params.flags & TARGETED != 0;
        let state = &ledger[STATE + params.parity as usize * STATE_LENGTH..];
        let (correct, all) = (counts[counts.len() - 2], counts[counts.len() - 1]);
        let missing = if targeted {
            all.wrapping_sub(correct)
        } else {
            correct
        };
        let divisor = if missing <= all / SPARED {
            SCALE_AT_SUCCESS
        } else {
            SCALE_ELSE
        };
        let iteration = state[STATE_ITERATION];
        Rules {
            ratio: LogitRatio::new(params.class_count, targeted),
            targeted,
            published: params.flags & PUBLISHED != 0,
            one_channel: params.extent.c == 1,
            first: iteration == 0,
            checks: iteration > 0 && iteration.wrapping_add(1).is_multiple_of(CHECK_EVERY),
            scale: (f32::from_bits(state[STATE_SCALE]) / divisor).clamp(SCALES[0], SCALES[1]),
            bound: super::select::selected(selection).unwrap_or(f32::MAX),
        }
    }

    /// The derivative of the penalty of a constraint.
    fn slope(&self, constraint: f32, multiplier: f32, parameter: f32) -> f32 {
        if constraint >= 0.0 {
            let reach = (parameter * constraint).min(1e18);
            let first = if self.published {
                multiplier * constraint
            } else {
                multiplier
            };
            (first + 2.0 * multiplier * reach + 0.5 * reach * reach).min(MOST_SLOPE)
        } else {
            let share = 1.0 / (1.0 - parameter.max(1.0) * constraint.max(-1e18));
            multiplier * share * share
        }
    }

    /// Moves the multipliers of a pixel; its penalty, and the derivative of that by the ratio.
    fn penalise(&self, ranked: &Ranked, label: u32, multipliers: [&mut f32; PLANES]) -> (f32, f32) {
        let ratio = self.ratio.of(ranked, label);
        let constraint = self.scale * ratio;
        let keep = ratio <= self.bound;
        let adversarial = (ranked.classes[0] == label) == self.targeted;
        let [multiplier, parameter, last, seen] = multipliers;
        if self.first {
            (*multiplier, *parameter, *last, *seen) = (1.0, FIRST_PARAMETER, constraint, 0.0);
        }
        if adversarial {
            *seen = 1.0;
        }
        if self.checks {
            let improved = if keep { constraint } else { 0.0 } <= IMPROVEMENT * *last;
            if *seen == 0.0 && !improved {
                *parameter = (2.0 * *parameter).min(MOST_PARAMETER);
            }
            *last = constraint;
            *seen = 0.0;
        }
        if !self.first {
            let aim = if keep {
                self.slope(constraint, *multiplier, *parameter)
            } else {
                0.0
            };
            *multiplier = (0.8 * *multiplier + 0.2 * aim).clamp(MULTIPLIERS_WITHIN[0], MULTIPLIERS_WITHIN[1]);
        }
        if !keep {
            return (0.0, 0.0);
        }
        let (multiplier, parameter) = (*multiplier, *parameter);
        let penalty = if constraint >= 0.0 {
            let reach = (parameter * constraint).min(1e15);
            (constraint * (multiplier + multiplier * reach + reach * reach / 6.0)).min(MOST_LOSS)
        } else {
            multiplier * (constraint / (1.0 - parameter.max(1.0) * constraint.max(-1e18)))
        };
        (
            penalty,
            self.scale * self.slope(constraint, multiplier, parameter),
        )
    }

    /// Gives `add` what the gradient is by the logit of each class that has any.
    fn write_seed(&self, ranked: &Ranked, label: u32, slope: f32, mut add: impl FnMut(usize, f32)) {
        let spread = self.ratio.spread(ranked);
        let a = self.ratio.sign * slope / spread;
        if self.one_channel {
            return add(0, if label == 1 { 2.0 * a } else { -2.0 * a });
        }
        add(label as usize, a);
        add(ranked.classes[ranked.rival(label)] as usize, -a);
        if self.ratio.has_spread {
            let b = a * ((ranked.margin(label) + LOGIT_TOLERANCE) / spread);
            let [first, _, third, fourth] = ranked.classes.map(|class| class as usize);
            add(first, -b);
            if self.targeted {
                add(third, 0.5 * b);
                add(fourth, 0.5 * b);
            } else {
                add(third, b);
            }
        }
    }
}
