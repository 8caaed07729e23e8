//! Twin of [`kernels::asma_update`](crate::kernels::asma_update).

use rayon::prelude::*;

use super::rows::sizes;
use crate::kernels::asma_mask::{CLASS_AVERAGED, counts_length};
use crate::kernels::asma_update::{
    BETA, CLIP, ELEMENTS_PER_THREAD, HEADER, MULTIPLIER_FROM_COUNTS, NO_PROGRESS, PATIENCE, Params, REACHED,
    REGION, ROW_LENGTH, RUNNING, SETTLE, STATE, STATE_BEST_IOU, STATE_BEST_ITERATION, STATE_ITERATION,
    STATE_LENGTH, STATE_MULTIPLIER, STATE_STOPPED, STATIC_MULTIPLIER, STEP, STOP_IOU, TAU, WORKGROUP,
};

/// Elements of an image that share partial sums.
const GROUP: usize = (WORKGROUP * ELEMENTS_PER_THREAD) as usize;

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
    let counts_length = counts_length(params.class_count as usize);
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
        sample.update(params, decision);
    }
}

/// What is to happen to a sample's image.
#[derive(Clone, Copy)]
struct Decision {
    step: bool,
    clip: bool,
    keep_best: bool,
    multiplier: f32,
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
        multiplier,
    };
    if has(SETTLE) {
        counts[next * length..(next + 1) * length].fill(0);
        ledger.copy_within(here..here + STATE_LENGTH, there);
        if running {
            let [l2, linf] = distances(params, ledger);
            let row =
                Params::ring_start(params.extent) + (iteration % params.ring_rows) as usize * ROW_LENGTH;
            let floats = [iou, accuracy, l2, linf, multiplier].map(f32::to_bits);
            ledger[row] = iteration;
            ledger[row + 1..row + 6].copy_from_slice(&floats);
            ledger[row + 6..row + ROW_LENGTH].copy_from_slice(&[1, 0]);

            if iou > f32::from_bits(ledger[here + STATE_BEST_IOU]) {
                decision.keep_best = true;
                ledger[there + STATE_BEST_IOU] = iou.to_bits();
                ledger[there + STATE_BEST_ITERATION] = iteration;
            }
            let without_progress = iteration.saturating_sub(ledger[there + STATE_BEST_ITERATION]);
            let patience = ledger[PATIENCE];
            if iou >= f32::from_bits(ledger[STOP_IOU]) {
                ledger[there + STATE_STOPPED] = REACHED;
            } else if patience > 0 && without_progress >= patience {
                ledger[there + STATE_STOPPED] = NO_PROGRESS;
            }
            if has(STEP) && ledger[there + STATE_STOPPED] != RUNNING {
                decision.step = false;
                decision.clip = false;
            }
            ledger[there + STATE_ITERATION] = iteration + 1;
            ledger[there + STATE_MULTIPLIER] = adapted.to_bits();
        }
    }
    decision
}

/// Mean IoU over the averaged classes, and pixel accuracy.
fn scores(counts: &[u32], classes: &[u32], class_count: u32) -> (f32, f32) {
    let (mut sum, mut averaged) = (0.0, 0);
    for (counts, class) in counts.chunks_exact(3).zip(classes).take(class_count as usize) {
        if class & CLASS_AVERAGED != 0 {
            let union = counts[1] + counts[2] - counts[0];
            sum += ratio(counts[0], union);
            averaged += 1;
        }
    }
    let totals = &counts[3 * class_count as usize..];
    let iou = if averaged == 0 { 1.0 } else { sum / averaged as f32 };
    (iou, ratio(totals[0], totals[1]))
}

/// `part / whole`, 1 of nothing.
fn ratio(part: u32, whole: u32) -> f32 {
    if whole == 0 {
        1.0
    } else {
        part as f32 / whole as f32
    }
}

/// `L2` and `L∞` from the partial sums of this parity.
fn distances(params: &Params, ledger: &[u32]) -> [f32; 2] {
    let words = 2 * Params::workgroups(params.extent) as usize;
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
    let words = 2 * Params::workgroups(params.extent) as usize;
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
    fn update(self, params: &Params, decision: Decision) {
        // A step that is not taken still leaves the partial sums of the image as it stays.
        let sum = params.flags & STEP != 0;
        let only_clips = only_clips(params);
        if !(sum || only_clips || decision.keep_best) {
            return;
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
            .for_each(|(group, (image, best, sums))| {
                let (mut squares, mut largest) = (0.0, 0.0f32);
                let mut clipped = false;
                for (i, (value, best)) in (group * GROUP..).zip(image.iter_mut().zip(best)) {
                    let may_change = self.region.is_empty() || self.region[i % pixels] != 0;
                    let before = *value;
                    if decision.step && may_change {
                        let gradient = self.gradient[i] + 2.0 * params.lambda * (self.source[i] - before);
                        *value += decision.multiplier * gradient;
                    }
                    if decision.clip && may_change {
                        let unclipped = *value;
                        *value = value.clamp(0.0, 1.0);
                        clipped |= *value != unclipped;
                    }
                    if decision.keep_best {
                        *best = if decision.step { before } else { *value };
                    }
                    let difference = self.source[i] - *value;
                    squares += difference * difference;
                    largest = largest.max(difference.abs());
                }
                if sum {
                    sums.copy_from_slice(&[squares, largest].map(f32::to_bits));
                } else if only_clips {
                    sums.copy_from_slice(&[f32::from(u8::from(clipped)).to_bits(), 0]);
                }
            });
    }
}
