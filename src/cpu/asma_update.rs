//! Twin of [`kernels::asma_update`](crate::kernels::asma_update).

use rayon::prelude::*;

use super::rows::sizes;
use crate::kernels::asma_update::{
    BETA, CAP, CAPPED, CLIP, FIRST_REFINING_PULL, FLOOR, GROWTH, GROWTH_WITH_IOU, HEADER, HOLD, LEAP,
    LEAST_FALL, LEAST_PULL, LEAST_RISE, MOST_ASTRAY, MULTIPLIER_FROM_COUNTS, NO_PROGRESS, NOT_FINITE,
    PATIENCE, PULL, PULL_GROWTH, PULL_SHRINK, PULLED_SCALE, Params, REACHED, REFINE, REFINING_GROWTH,
    REFINING_LIMIT, REFINING_PATIENCE, REFINING_PULLS, REFINING_SHRINK, REGION, ROW_LENGTH, RUNNING, SCALES,
    SETTLE, SHRINK, STAGNATION, STATE, STATE_BEST_IOU, STATE_BEST_ITERATION, STATE_BEST_L2, STATE_ITERATION,
    STATE_KEPT, STATE_L2, STATE_LENGTH, STATE_MULTIPLIER, STATE_PROGRESS, STATE_PROGRESS_L2, STATE_PULL,
    STATE_REACHED, STATE_RISE, STATE_RISE_IOU, STATE_SCALE, STATE_STOPPED, STATIC_MULTIPLIER, STEP, STOP_IOU,
    TAU,
};
use crate::kernels::ledger::{CLASS_AVERAGED, IMAGE_GROUP, image_groups};

/// The exponent's bits of a number, all of them set in what is infinite or no number.
const EXPONENT: u32 = f32::INFINITY.to_bits();

/// Elements of an image that share partial sums.
const GROUP: usize = IMAGE_GROUP as usize;

/// Multiplier, step, clip, statistics, stopping: what `params.flags` ask for, sample by sample.
#[allow(clippy::too_many_arguments)]
pub fn run(
    params: &Params,
    gradient: &[f32],
    source: &[f32],
    region: &[u32],
    classes: &[u32],
    adversarial: &mut [f32],
    best: &mut [f32],
    counts: &mut [u32],
    ledger: &mut [u32],
) {
    let [samples, channels, h, w] = sizes(params.extent);
    let elements = channels * h * w;
    let counts_length = params.counts_length as usize;
    let ledger_length = params.ledger_length as usize;
    for n in 0..samples {
        let image = n * elements..(n + 1) * elements;
        let region = match params.flags & REGION {
            0 => &[],
            _ => &region[n * h * w..(n + 1) * h * w],
        };
        let ledger = &mut ledger[n * ledger_length..(n + 1) * ledger_length];
        let counts = &mut counts[2 * n * counts_length..2 * (n + 1) * counts_length];
        let decision = decide(params, classes, counts, ledger);
        let sample = Sample {
            gradient: &gradient[image.clone()],
            source: &source[image.clone()],
            region,
            adversarial: &mut adversarial[image.clone()],
            best: &mut best[image],
            sums: written_sums(params, ledger),
        };
        let all_finite = sample.update(params, decision);
        if !all_finite && ledger[NOT_FINITE] == 0 {
            let state = STATE + params.parity as usize * STATE_LENGTH;
            ledger[NOT_FINITE] = ledger[state + STATE_ITERATION] + 1;
        }
    }
}

/// What is to happen to a sample's image.
#[derive(Clone, Copy)]
struct Decision {
    step: bool,
    clip: bool,
    keep_best: bool,
    take_back: bool,
    multiplier: f32,
    /// The share of the distance to the source that the step gives up.
    pull: f32,
    /// The most that a value may differ from the source's; infinite if nothing bounds it.
    cap: f32,
}

/// Works out the multiplier, and settles the iteration if that is asked for.
fn decide(params: &Params, classes: &[u32], counts: &mut [u32], ledger: &mut [u32]) -> Decision {
    let has = |flag| params.flags & flag != 0;
    let (now, next) = (params.parity as usize, 1 - params.parity as usize);
    let [here, there] = [now, next].map(|parity| STATE + parity * STATE_LENGTH);
    let length = counts.len() / 2;
    let state = |word: usize| ledger[here + word];
    let (tau, beta) = (f32::from_bits(ledger[TAU]), f32::from_bits(ledger[BETA]));
    let iteration = state(STATE_ITERATION);
    let running = state(STATE_STOPPED) == RUNNING;

    let (iou, accuracy) = scores(
        &counts[now * length..(now + 1) * length],
        classes,
        params.class_count,
    );
    let adapted = if has(STATIC_MULTIPLIER) {
        tau
    } else {
        beta * iou + tau
    };
    let multiplier = if has(STATIC_MULTIPLIER) {
        tau
    } else if !has(MULTIPLIER_FROM_COUNTS) {
        f32::from_bits(state(STATE_MULTIPLIER))
    } else if iteration == 0 {
        tau
    } else {
        adapted
    };

    let mut decision = Decision {
        step: running && has(STEP),
        clip: running && has(CLIP),
        keep_best: false,
        take_back: false,
        multiplier,
        pull: 0.0,
        cap: if has(CAPPED) {
            f32::from_bits(ledger[CAP])
        } else {
            f32::INFINITY
        },
    };
    if has(SETTLE) {
        counts[next * length..(next + 1) * length].fill(0);
        ledger.copy_within(here..here + STATE_LENGTH, there);
        if running {
            let [l2, linf] = distances(params, ledger);
            let float = |word: usize| f32::from_bits(ledger[word]);
            let best_iou = float(here + STATE_BEST_IOU);
            let refining = has(REFINE) && ledger[here + STATE_REACHED] > 0;
            let leaps = has(HOLD) && !refining && l2 > float(here + STATE_L2) + float(LEAP);
            let reached = !leaps && iou >= float(STOP_IOU);
            let astray = match reached {
                true => 0,
                false => iteration.wrapping_sub(ledger[here + STATE_KEPT]),
            };
            let strays = refining && astray > 0 && astray.is_multiple_of(MOST_ASTRAY);
            decision.take_back = leaps || strays;
            let smaller = reached && l2 < float(here + STATE_BEST_L2);
            let progresses = match refining {
                true => smaller && l2 < (1.0 - LEAST_FALL) * float(here + STATE_PROGRESS_L2),
                false => !decision.take_back && iou > best_iou,
            };
            let progress = if progresses {
                iteration
            } else {
                ledger[here + STATE_PROGRESS].min(iteration)
            };
            let without_progress = iteration.wrapping_sub(progress);
            let rise_iou = float(here + STATE_RISE_IOU);
            let rises = progresses && !refining && iou > rise_iou + LEAST_RISE * (1.0 - rise_iou);
            let rise = if rises {
                iteration
            } else {
                ledger[here + STATE_RISE].min(iteration)
            };
            let stagnates = iteration.wrapping_sub(rise) > STAGNATION;
            let (mut scale, mut pull) = (1.0, 0.0);
            if has(HOLD) {
                let change = match refining {
                    true if strays => 1.0,
                    true if reached => REFINING_SHRINK,
                    true => REFINING_GROWTH,
                    false if leaps => SHRINK,
                    false if stagnates => GROWTH + GROWTH_WITH_IOU * best_iou.max(0.0),
                    false => 1.0,
                };
                scale = (float(here + STATE_SCALE) * change).clamp(SCALES[0], SCALES[1]);
                decision.multiplier = if decision.take_back {
                    0.0
                } else {
                    multiplier * scale
                };
                pull = float(PULL) * (PULLED_SCALE / scale).clamp(LEAST_PULL, 1.0);
            }
            if refining {
                let change = if reached { PULL_GROWTH } else { PULL_SHRINK };
                pull = (float(here + STATE_PULL) * change).clamp(REFINING_PULLS[0], REFINING_PULLS[1]);
            } else if has(REFINE) && reached {
                pull = FIRST_REFINING_PULL;
            }
            decision.pull = pull;
            let row =
                Params::ring_start(params.extent) + (iteration % params.ring_rows) as usize * ROW_LENGTH;
            let floats = [iou, accuracy, l2, linf, decision.multiplier].map(f32::to_bits);
            ledger[row] = iteration;
            ledger[row + 1..row + 6].copy_from_slice(&floats);
            ledger[row + 6..row + ROW_LENGTH].copy_from_slice(&[1, 0]);

            decision.keep_best = match refining {
                true => smaller,
                false => progresses || has(HOLD) && !decision.take_back && iou == best_iou,
            };
            if decision.keep_best {
                ledger[there + STATE_BEST_IOU] = iou.to_bits();
                ledger[there + STATE_BEST_ITERATION] = iteration;
                ledger[there + STATE_BEST_L2] = l2.to_bits();
            }
            if progresses {
                ledger[there + STATE_PROGRESS_L2] = l2.to_bits();
            }
            if rises {
                ledger[there + STATE_RISE_IOU] = iou.to_bits();
            }
            if reached {
                ledger[there + STATE_KEPT] = iteration;
            }
            let begins = has(REFINE) && reached && !refining;
            if begins {
                ledger[there + STATE_REACHED] = iteration + 1;
            }
            let patience = ledger[PATIENCE];
            let ends = match has(REFINE) {
                true if reached && l2 <= f32::from_bits(ledger[FLOOR]) => true,
                true if refining => {
                    let refined = (iteration + 1).wrapping_sub(ledger[here + STATE_REACHED]);
                    let limit = match ledger[REFINING_LIMIT] {
                        0 => ledger[here + STATE_REACHED],
                        limit => limit,
                    };
                    refined >= limit || without_progress >= REFINING_PATIENCE
                }
                true => false,
                false => reached,
            };
            if ends {
                ledger[there + STATE_STOPPED] = REACHED;
            } else if !refining && !begins && patience > 0 && without_progress >= patience {
                ledger[there + STATE_STOPPED] = NO_PROGRESS;
            }
            if has(STEP) && ledger[there + STATE_STOPPED] != RUNNING {
                decision.step = false;
                decision.clip = false;
                decision.take_back = false;
            }
            if decision.take_back {
                decision.step = false;
                decision.clip = false;
            }
            ledger[there + STATE_ITERATION] = iteration + 1;
            ledger[there + STATE_MULTIPLIER] = adapted.to_bits();
            ledger[there + STATE_PROGRESS] = progress;
            ledger[there + STATE_RISE] = rise;
            ledger[there + STATE_SCALE] = scale.to_bits();
            ledger[there + STATE_PULL] = pull.to_bits();
            ledger[there + STATE_L2] = l2.to_bits();
        }
    }
    decision
}

/// Mean IoU over the averaged classes that target or prediction has, and pixel accuracy.
pub(super) fn scores(counts: &[u32], classes: &[u32], class_count: u32) -> (f32, f32) {
    let (mut sum, mut averaged) = (0.0, 0);
    for (counts, class) in counts.chunks_exact(3).zip(classes).take(class_count as usize) {
        if class & CLASS_AVERAGED != 0 {
            let union = counts[1] + counts[2] - counts[0];
            if union > 0 {
                sum += ratio(counts[0], union);
                averaged += 1;
            }
        }
    }
    let totals = &counts[3 * class_count as usize..];
    let iou = if averaged == 0 { 1.0 } else { sum / averaged as f32 };
    (iou, ratio(totals[0], totals[1]))
}

/// `part / whole`, 1 of nothing.
pub(super) fn ratio(part: u32, whole: u32) -> f32 {
    if whole == 0 {
        1.0
    } else {
        part as f32 / whole as f32
    }
}

/// `L2` and `L∞` from the partial sums of this parity.
fn distances(params: &Params, ledger: &[u32]) -> [f32; 2] {
    let words = 2 * image_groups(params.extent) as usize;
    let start = HEADER + params.parity as usize * words;
    let (mut squares, mut largest) = (0.0, 0.0f32);
    for pair in ledger[start..start + words].chunks_exact(2) {
        squares += f32::from_bits(pair[0]) as f64;
        largest = largest.max(f32::from_bits(pair[1]));
    }
    [squares.sqrt() as f32, largest]
}

/// Whether the call clips what another one stepped, and tells whether it changed anything.
fn only_clips(params: &Params) -> bool {
    params.flags & (STEP | CLIP) == CLIP
}

/// The half of the partial sums that a call writes to.
fn written_sums<'a>(params: &Params, ledger: &'a mut [u32]) -> &'a mut [u32] {
    let words = 2 * image_groups(params.extent) as usize;
    let half = match params.flags & SETTLE == 0 && !only_clips(params) {
        true => params.parity as usize,
        false => 1 - params.parity as usize,
    };
    &mut ledger[HEADER + half * words..HEADER + (half + 1) * words]
}

/// The images of one sample.
struct Sample<'a> {
    gradient: &'a [f32],
    source: &'a [f32],
    /// One word a pixel, or none.
    region: &'a [u32],
    adversarial: &'a mut [f32],
    best: &'a mut [f32],
    /// Partial sums to write.
    sums: &'a mut [u32],
}

impl Sample<'_> {
    /// Whether all numbers were finite that a step met and made.
    fn update(self, params: &Params, decision: Decision) -> bool {
        // A step that is not taken still leaves the partial sums of the image as it stays.
        let sum = params.flags & STEP != 0;
        let only_clips = only_clips(params);
        if !(sum || only_clips || decision.keep_best) {
            return true;
        }
        let pixels = (params.extent.h * params.extent.w) as usize;
        let groups = (
            self.adversarial.par_chunks_mut(GROUP),
            self.best.par_chunks_mut(GROUP),
            self.sums.par_chunks_mut(2),
        );
        groups
            .into_par_iter()
            .enumerate()
            .map(|(group, (image, best, sums))| {
                let (mut squares, mut largest) = (0.0, 0.0f32);
                let mut clipped = false;
                let mut exponent = 0;
                for (i, (value, best)) in (group * GROUP..).zip(image.iter_mut().zip(best)) {
                    let may_change = self.region.is_empty() || self.region[i % pixels] != 0;
                    let before = *value;
                    let origin = self.source[i];
                    if decision.step {
                        let slope = self.gradient[i];
                        let gradient = slope + 2.0 * params.lambda * (origin - before);
                        let mut stepped = before + decision.multiplier * gradient;
                        if params.flags & HOLD != 0 {
                            stepped += decision.pull * (origin - before);
                        }
                        exponent = exponent
                            .max(slope.to_bits() & EXPONENT)
                            .max(stepped.to_bits() & EXPONENT);
                        if params.flags & CAPPED != 0 {
                            stepped = stepped.max(origin - decision.cap).min(origin + decision.cap);
                        }
                        if may_change {
                            *value = stepped;
                        }
                    }
                    if decision.take_back && may_change {
                        *value = 0.5 * (before + *best);
                    }
                    if decision.clip && may_change {
                        let unclipped = *value;
                        *value = value.clamp(0.0, 1.0);
                        clipped |= *value != unclipped;
                    }
                    if decision.keep_best {
                        *best = if decision.step { before } else { *value };
                    }
                    let difference = origin - *value;
                    squares += difference * difference;
                    largest = largest.max(difference.abs());
                }
                if sum {
                    sums.copy_from_slice(&[squares, largest].map(f32::to_bits));
                } else if only_clips {
                    sums.copy_from_slice(&[f32::from(u8::from(clipped)).to_bits(), 0]);
                }
                exponent != EXPONENT
            })
            .reduce(|| true, |all, group| all && group)
    }
}
