//! Twin of [`kernels::proximal_rounds`](crate::kernels::proximal_rounds).

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::elementary::{max, min};
use super::rows::sizes;
use super::steps::widest;
use crate::kernels::Extent;
use crate::kernels::ledger::{HEADER as LEDGER_HEADER, IMAGE_GROUP, image_groups};
use crate::kernels::ledger::{STATE, STATE_LENGTH, STATE_STOPPED};
use crate::kernels::minimal_settle::{RUNNING, STATE_METRIC, STATE_STEP};
use crate::kernels::proximal_rounds::{
    HEADER, LEAST_MOVE, MOST_ROUNDS, Params, SLOT, SUMS, THRESHOLDS, first_call, round_of, rounds_length,
};

/// `f` at the thresholds of this call, of each group of elements, and what the calls before are narrowed down to.
pub fn run(params: &Params, anchor: &[f32], metric: &[f32], ledger: &[u32], rounds: &mut [f32]) {
    let [samples, channels, h, w] = sizes(params.extent);
    let elements = channels * h * w;
    let length = rounds_length(params.extent);
    for n in 0..samples {
        let of_sample = n * elements..(n + 1) * elements;
        let ledger = &ledger[n * params.ledger_length as usize..][..params.ledger_length as usize];
        let rounds = &mut rounds[n * length..(n + 1) * length];
        let progress = Progress::of(params.extent, params.number, params.parity, ledger, rounds);
        let begins = progress.pass == 0 && progress.round > 0;
        let bound = match begins {
            true => progress.bounds[progress.round - 1],
            false => 0.0,
        };
        let goes = f32::from(u8::from(progress.goes));
        rounds[SLOT * params.number as usize..][..SLOT].copy_from_slice(&[
            progress.low,
            progress.high,
            goes,
            bound,
        ]);
        if !progress.goes {
            continue;
        }
        let search = Search {
            steps: Steps {
                anchor: &anchor[of_sample.clone()],
                metric: &metric[of_sample],
                scale: 1.0 / state(ledger, params.parity, STATE_METRIC),
                bounds: &progress.bounds[..progress.round],
            },
            begins,
            thresholds: std::array::from_fn(|place| {
                threshold(progress.low, progress.high, place, progress.pass == 0)
            }),
        };
        sums_of(params.extent, params.number, rounds)
            .par_chunks_mut(SUMS)
            .enumerate()
            .for_each(|(group, sums)| {
                let begin = group * IMAGE_GROUP as usize;
                let end = (begin + IMAGE_GROUP as usize).min(elements);
                for (sum, total) in sums.iter_mut().zip(search.sums(begin, end)) {
                    *sum = (total / elements as f64) as f32;
                }
            });
    }
}

/// A word of the state that the settlement of this iteration left, as a float.
fn state(ledger: &[u32], parity: u32, word: usize) -> f32 {
    f32::from_bits(ledger[STATE + (1 - parity as usize) * STATE_LENGTH + word])
}

/// The sums of a call.
fn sums_of(extent: Extent, number: u32, rounds: &mut [f32]) -> &mut [f32] {
    let words = SUMS * image_groups(extent) as usize;
    &mut rounds[HEADER + (number % 2) as usize * words..][..words]
}

/// The value of t at a place among the thresholds; those of a call that begins a round lie closer where they are large.
fn threshold(low: f32, high: f32, place: usize, begins: bool) -> f32 {
    let share = place as f32 / (THRESHOLDS - 1) as f32;
    let share = if begins { share * (2.0 - share) } else { share };
    low + (high - low) * share
}

/// How far the rounds of a sample are where a call begins, or after all calls.
pub(super) struct Progress {
    /// That call's round.
    pub round: usize,
    /// Which of the round's calls it is.
    pub pass: u32,
    /// Whether the round is gone through, as far as is known.
    pub goes: bool,
    /// Between these is the bound of the round.
    pub low: f32,
    pub high: f32,
    /// Of the rounds before.
    pub bounds: [f32; MOST_ROUNDS],
    /// How many of those were gone through.
    pub count: usize,
}

impl Progress {
    /// At call `number` of one sample, from its ledger and what the calls before left.
    pub fn of(extent: Extent, number: u32, parity: u32, ledger: &[u32], rounds: &[f32]) -> Progress {
        let (round, pass) = round_of(number);
        let mut progress = Progress {
            round,
            pass,
            goes: false,
            low: 0.0,
            high: 0.0,
            bounds: [0.0; MOST_ROUNDS],
            count: 0,
        };
        let Some(last) = number.checked_sub(1) else {
            let stopped = ledger[STATE + (1 - parity as usize) * STATE_LENGTH + STATE_STOPPED];
            progress.goes = stopped == RUNNING;
            progress.high = largest_anchor(extent, parity, ledger);
            return progress;
        };
        let slot = |number: u32| &rounds[SLOT * number as usize..][..SLOT];
        let went = |number: u32| slot(number)[2] == 1.0;
        // What a round came to was found where the next one began.
        for next in 1..=round {
            if next < round || pass > 0 {
                progress.bounds[next - 1] = slot(first_call(next))[3];
            }
        }
        // Whether a later round is gone through, its second call was the first to know.
        progress.count = (0..round)
            .filter(|&round| went(first_call(round) + u32::from(round > 0)))
            .count();
        let totals = totals(extent, last, rounds);
        let (last_round, last_pass) = round_of(last);
        let moved = last_round == 0
            || last_pass > 0
            || totals[THRESHOLDS] > LEAST_MOVE * LEAST_MOVE * totals[THRESHOLDS + 1];
        progress.goes = went(last) && moved;
        if progress.goes {
            let elements = extent.c as usize * extent.h as usize * extent.w as usize;
            let weight = state(ledger, parity, STATE_STEP) / elements as f32;
            let [low, high, ..] = *slot(last) else {
                return progress;
            };
            let thresholds = std::array::from_fn(|place| threshold(low, high, place, last_pass == 0));
            [progress.low, progress.high] = narrowed(&thresholds, &totals, weight);
            if pass == 0 {
                progress.bounds[round - 1] = progress.high;
                progress.low = 0.0;
            }
        }
        progress
    }
}

/// The largest |anchor|, of all groups.
fn largest_anchor(extent: Extent, parity: u32, ledger: &[u32]) -> f32 {
    let words = 2 * image_groups(extent) as usize;
    let half = &ledger[LEDGER_HEADER + (1 - parity as usize) * words..][..words];
    half.iter()
        .step_by(2)
        .map(|&word| f32::from_bits(word))
        .fold(0.0, f32::max)
}

/// What the sums of all groups come to.
fn totals(extent: Extent, number: u32, rounds: &[f32]) -> [f32; SUMS] {
    let words = SUMS * image_groups(extent) as usize;
    let half = &rounds[HEADER + (number % 2) as usize * words..][..words];
    let mut totals = [0.0f64; SUMS];
    for sums in half.chunks_exact(SUMS) {
        for (total, &sum) in totals.iter_mut().zip(sums) {
            *total += f64::from(sum);
        }
    }
    totals.map(|total| total as f32)
}

/// Between which values of t f falls to the weight, of its values at the thresholds.
fn narrowed(thresholds: &[f32; THRESHOLDS], f: &[f32; SUMS], weight: f32) -> [f32; 2] {
    let above = f[..THRESHOLDS].iter().filter(|&&value| value > weight).count();
    if above == 0 || above == THRESHOLDS {
        return [thresholds[above.min(THRESHOLDS - 1)]; 2];
    }
    let t = |place: usize| thresholds[place];
    let before = above - 1;
    let width = t(above) - t(before);
    let share = (f[before] - weight) / (f[before] - f[above]);
    let high = t(before) + min(share, 1.0) * width;
    let mut low = t(before);
    // The chords on either side, drawn out.
    if let Some(further) = before.checked_sub(1) {
        let fall = f[further] - f[before];
        if fall > 0.0 {
            low = max(
                low,
                t(before) + (f[before] - weight) / fall * (t(before) - t(further)),
            );
        }
    }
    if above + 1 < THRESHOLDS {
        let fall = f[above] - f[above + 1];
        if fall > 0.0 {
            low = max(
                low,
                t(above) - (weight - f[above]) / fall * (t(above + 1) - t(above)),
            );
        }
    }
    [min(low, high), high]
}

/// The rounds that elements have gone through.
pub(super) struct Steps<'a> {
    pub anchor: &'a [f32],
    pub metric: &'a [f32],
    /// 1 over the largest number of the metric.
    pub scale: f32,
    /// Of each round.
    pub bounds: &'a [f32],
}

impl Steps<'_> {
    /// |z| of the elements from `begin` on.
    #[inline(always)]
    pub fn follow(&self, begin: usize, z: &mut [f32]) {
        for (z, anchor) in z.iter_mut().zip(&self.anchor[begin..]) {
            *z = anchor.abs();
        }
        for &bound in self.bounds {
            self.step(begin, z);
            for z in z.iter_mut() {
                *z = min(*z, bound);
            }
        }
    }

    /// |v| from |z|.
    #[inline(always)]
    fn step(&self, begin: usize, z: &mut [f32]) {
        let own = begin..begin + z.len();
        let elements = self.anchor[own.clone()].iter().zip(&self.metric[own]);
        for (z, (anchor, metric)) in z.iter_mut().zip(elements) {
            *z += metric * self.scale * (anchor.abs() - *z);
        }
    }
}

/// Sums that are kept side by side.
const LANES: usize = 16;

/// Elements that are summed in float32 before they go into sums in float64, and are looked at together.
const PIECE: usize = 64 * LANES;

/// Thresholds that are looked at together.
const TOGETHER: usize = 4;

/// One call of the search.
struct Search<'a> {
    steps: Steps<'a>,
    /// Whether it is the first of a later round, which measures the move of the round before.
    begins: bool,
    thresholds: [f32; THRESHOLDS],
}

impl Search<'_> {
    /// Of the elements from `begin` to `end`.
    fn sums(&self, begin: usize, end: usize) -> [f64; SUMS] {
        let mut totals = [0.0; SUMS];
        for begin in (begin..end).step_by(PIECE) {
            let mut lanes = [[0.0f32; LANES]; SUMS];
            widest(
                #[inline(always)]
                || self.sum(begin, (end - begin).min(PIECE), &mut lanes),
            );
            for (total, lanes) in totals.iter_mut().zip(lanes) {
                *total += lanes.into_iter().map(f64::from).sum::<f64>();
            }
        }
        totals
    }

    /// Adds `count` elements.
    #[inline(always)]
    fn sum(&self, begin: usize, count: usize, lanes: &mut [[f32; LANES]; SUMS]) {
        // What lies behind the elements is 0, which no threshold is below.
        let mut v = [0.0f32; PIECE];
        if let (true, [earlier @ .., bound]) = (self.begins, self.steps.bounds) {
            let before = Steps {
                bounds: earlier,
                ..self.steps
            };
            before.follow(begin, &mut v[..count]);
            let z = v;
            before.step(begin, &mut v[..count]);
            let (mut moves, mut lengths) = ([0.0f32; LANES], [0.0f32; LANES]);
            for (v, z) in v
                .as_chunks_mut::<LANES>()
                .0
                .iter_mut()
                .zip(z.as_chunks::<LANES>().0)
            {
                for lane in 0..LANES {
                    v[lane] = min(v[lane], *bound);
                    let moved = v[lane] - z[lane];
                    moves[lane] += moved * moved;
                    lengths[lane] += v[lane] * v[lane];
                }
            }
            lanes[THRESHOLDS] = moves;
            lanes[THRESHOLDS + 1] = lengths;
        } else {
            self.steps.follow(begin, &mut v[..count]);
        }
        if !self.steps.bounds.is_empty() {
            self.steps.step(begin, &mut v[..count]);
        }
        let filled = &v[..count.next_multiple_of(LANES)];
        Arch::new().dispatch(Excess {
            values: filled,
            thresholds: &self.thresholds,
            lanes,
        });
    }
}

/// Adds, of each lane of `values`, by how much they are above each threshold.
struct Excess<'a> {
    values: &'a [f32],
    thresholds: &'a [f32; THRESHOLDS],
    lanes: &'a mut [[f32; LANES]; SUMS],
}

impl WithSimd for Excess<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (values, _) = S::as_simd_f32s(self.values);
        let zero = simd.splat_f32s(0.0);
        let (thresholds, _) = self.thresholds.as_chunks::<TOGETHER>();
        let (lanes, _) = self.lanes.as_chunks_mut::<TOGETHER>();
        let vectors = LANES / S::F32_LANES;
        for (thresholds, lanes) in thresholds.iter().zip(lanes) {
            let thresholds = thresholds.map(|threshold| simd.splat_f32s(threshold));
            for vector in 0..vectors {
                let mut sums = [zero; TOGETHER];
                for value in values[vector..].iter().step_by(vectors) {
                    for (sum, threshold) in sums.iter_mut().zip(thresholds) {
                        let excess = simd.max_f32s(simd.sub_f32s(*value, threshold), zero);
                        *sum = simd.add_f32s(*sum, excess);
                    }
                }
                for (lanes, sum) in lanes.iter_mut().zip(sums) {
                    S::as_mut_simd_f32s(lanes).0[vector] = sum;
                }
            }
        }
    }
}
