//! What a step with a budget decides of a sample: twin of `shaders/shared/step_decision.wgsl`.

use super::asma_update::{ratio, scores};
use crate::kernels::attack_step::{
    GOAL, GOAL_OF_IOU, KEEP_LAST, LARGEST, MEASURE, MEASURES, MINIMISE, PHASES, PUBLISHED, Params,
    ROW_BISECTS, ROW_CHECK, ROW_FIRST, ROW_LAST, ROW_RANDOM, ROW_WIDE, STATE_BEST_NORM, STATE_BEST_SCORE,
    STATE_CHECKED, STATE_HALVED, STATE_HIGH, STATE_HIGHEST, STATE_LOW, STATE_PHASE_SCORE, STATE_RADIUS_SCALE,
    STATE_RISES, STATE_ROUND, STATE_STEP_SCALE, STATE_TRACKED, TARGETED, TRACK_LOSS, UNIT, WITHIN_LENGTH,
};
use crate::kernels::ledger::{
    HEADER, REACHED, ROW_LENGTH, RUNNING, SCHEDULE_CORRECTION, SCHEDULE_KIND, SCHEDULE_LENGTH,
    SCHEDULE_NEXT_RADIUS, SCHEDULE_RADIUS, SCHEDULE_SEED, SCHEDULE_STEP, SCHEDULE_WINDOW, STATE,
    STATE_BEST_ITERATION, STATE_ITERATION, STATE_LENGTH, STATE_STOPPED, counts_length, image_groups,
};

/// A distance that no image has.
const TOO_FAR: f32 = 3e38;

/// What is to happen to a sample's image, and its next state.
#[derive(Clone, Copy, Default)]
pub(super) struct Decision {
    pub(super) was_stopped: bool,
    pub(super) stops: u32,
    pub(super) new_best: bool,
    pub(super) new_phase_best: bool,
    pub(super) improves: bool,
    pub(super) goes_back: bool,
    pub(super) succeeds: bool,
    pub(super) iteration: u32,
    pub(super) kind: u32,
    pub(super) seed: u32,
    pub(super) correction: f32,
    pub(super) radius: f32,
    pub(super) next_radius: f32,
    pub(super) step: f32,
    pub(super) unit: f32,
    pub(super) momentum: f32,
    pub(super) shrink: f32,
    pub(super) shrink_carried: f32,
    pub(super) start: f32,
    pub(super) score: u32,
    pub(super) phase_score: u32,
    pub(super) rate: f32,
    pub(super) accuracy: f32,
    pub(super) iou: f32,
    pub(super) loss: f32,
    pub(super) l2: f32,
    pub(super) linf: f32,
    pub(super) tracked: f32,
    pub(super) highest: f32,
    pub(super) checked: f32,
    pub(super) rises: u32,
    pub(super) halved: u32,
    pub(super) step_scale: f32,
    pub(super) radius_scale: f32,
    pub(super) low: f32,
    pub(super) high: f32,
    pub(super) round_succeeded: u32,
}

impl Decision {
    pub(super) fn runs(&self) -> bool {
        !self.was_stopped && self.stops == RUNNING
    }

    pub(super) fn is(&self, kind: u32) -> bool {
        self.kind & kind != 0
    }
}

/// What a distance to the source is multiplied by, so that the whole of it is no longer than `radius`.
fn shrink(radius: f32, squares: f32) -> f32 {
    let length = squares.sqrt();
    if length > radius { radius / length } else { 1.0 }
}

/// The sums over words of pairs, or more, of floats.
fn sum_of(words: &[u32], stride: usize, word: usize) -> f32 {
    let parts = words.chunks_exact(stride).map(|part| f32::from_bits(part[word]));
    parts.map(f64::from).sum::<f64>() as f32
}

fn largest_of(words: &[u32], stride: usize, word: usize) -> f32 {
    let parts = words.chunks_exact(stride).map(|part| f32::from_bits(part[word]));
    parts.fold(0.0, f32::max)
}

pub(super) fn decide(params: &Params, settings: &[u32], counts: &[u32], ledger: &[u32]) -> Decision {
    let has = |flag: u32| params.flags & flag != 0;
    let class_count = params.class_count as usize;
    let parity = params.parity as usize;
    let state = |word: usize| ledger[STATE + parity * STATE_LENGTH + word];
    let float = |word: usize| f32::from_bits(state(word));
    let counts = &counts[parity * params.counts_length as usize..][..params.counts_length as usize];
    let groups = image_groups(params.extent) as usize;

    let iteration = state(STATE_ITERATION);
    let row = iteration.min(params.schedule_rows - 1) as usize;
    let row = &settings[2 * class_count + SCHEDULE_LENGTH * row..][..SCHEDULE_LENGTH];
    let scheduled = |word: usize| f32::from_bits(row[word]);
    let kind = row[SCHEDULE_KIND];
    let (first, last) = (kind & ROW_FIRST != 0, kind & ROW_LAST != 0);

    let (iou, accuracy) = scores(counts, settings, params.class_count);
    let [correct, counted] = [counts[3 * class_count], counts[3 * class_count + 1]];
    let score = if has(TARGETED) {
        correct
    } else {
        counted.wrapping_sub(correct)
    };
    let rate = ratio(score, counted);
    let score = match has(PUBLISHED) && first && !has(TARGETED) {
        true => params.pixels.wrapping_sub(correct),
        false => score,
    };
    let losses = &counts[counts_length(class_count) + 1..][..2 * params.loss_sums as usize];
    let [loss, cross_entropy] = [0, 1].map(|word| sum_of(losses, 2, word));
    let tracked = params.tracked * if has(TRACK_LOSS) { loss } else { cross_entropy };
    let settled = &ledger[HEADER + parity * 2 * groups..][..2 * groups];
    let (l2, linf) = (sum_of(settled, 2, 0).sqrt(), largest_of(settled, 2, 1));

    let mut d = Decision {
        was_stopped: state(STATE_STOPPED) != RUNNING,
        stops: RUNNING,
        iteration,
        kind,
        seed: row[SCHEDULE_SEED],
        correction: scheduled(SCHEDULE_CORRECTION),
        score,
        rate,
        accuracy,
        iou,
        loss: loss * params.loss_scale,
        l2,
        linf,
        tracked,
        ..Decision::default()
    };

    d.improves = first || tracked > float(STATE_HIGHEST);
    d.highest = if d.improves { tracked } else { float(STATE_HIGHEST) };
    let rose = tracked > float(STATE_TRACKED);
    d.rises = if first {
        0
    } else {
        state(STATE_RISES).wrapping_add(rose.into())
    };
    d.halved = if first { 1 } else { state(STATE_HALVED) };
    d.checked = if first { tracked } else { float(STATE_CHECKED) };
    d.step_scale = if first { 1.0 } else { float(STATE_STEP_SCALE) };
    if kind & ROW_CHECK != 0 {
        let few = d.rises as f32 <= 0.75 * row[SCHEDULE_WINDOW] as f32;
        let stuck = d.halved == 0 && d.highest == d.checked;
        d.goes_back = few || stuck;
        d.halved = d.goes_back.into();
        d.checked = d.highest;
        d.rises = 0;
        d.step_scale *= if d.goes_back { 0.5 } else { 1.0 };
    }
    if has(PUBLISHED) && first {
        d.tracked = 0.0;
    }

    let settles = !d.was_stopped;
    let towards = if has(GOAL_OF_IOU) { iou } else { rate };
    let allowed = kind & ROW_WIDE == 0;
    d.succeeds = allowed && towards >= f32::from_bits(ledger[GOAL]);
    let counted_score = score.wrapping_add(1);
    if has(PHASES) {
        d.phase_score = if first { 0 } else { state(STATE_PHASE_SCORE) };
        d.new_phase_best = settles && counted_score >= d.phase_score;
        if d.new_phase_best {
            d.phase_score = counted_score;
        }
    }
    d.new_best = settles && allowed && counted_score >= state(STATE_BEST_SCORE) && (last || !has(KEEP_LAST));
    if has(MINIMISE) {
        let best_norm = float(STATE_BEST_NORM);
        d.new_best = match d.succeeds {
            true => settles && norm(params, &d) < best_norm,
            false => d.new_best && best_norm >= TOO_FAR,
        };
    }
    // Nothing is smaller than no change at all.
    if settles && d.succeeds && (!has(MINIMISE) || norm(params, &d) == 0.0) {
        d.stops = REACHED;
        d.new_best = true;
    }

    let scale = float(STATE_RADIUS_SCALE);
    (d.radius_scale, d.low, d.high) = (scale, float(STATE_LOW), float(STATE_HIGH));
    d.round_succeeded = state(STATE_ROUND);
    if has(MINIMISE) {
        d.round_succeeded |= u32::from(d.succeeds);
        if kind & ROW_BISECTS != 0 {
            match d.round_succeeded {
                1 => {
                    d.high = scale;
                    // Rounds that failed at as much, of another random start, tell nothing of less.
                    d.low = if d.low < d.high { d.low } else { 0.0 };
                }
                _ => d.low = scale,
            }
            d.radius_scale = 0.5 * (d.low + d.high);
            d.round_succeeded = 0;
        }
    }
    d.radius = scale * scheduled(SCHEDULE_RADIUS);
    d.next_radius = d.radius_scale * scheduled(SCHEDULE_NEXT_RADIUS);
    d.step = d.step_scale * scale * scheduled(SCHEDULE_STEP);
    d.momentum = if first { 1.0 } else { 0.75 };
    (d.unit, d.shrink, d.shrink_carried, d.start) = (1.0, 1.0, 1.0, d.next_radius);
    if !has(MEASURE) && has(UNIT | LARGEST | WITHIN_LENGTH) {
        let measures = &ledger[Params::measures_start(params.extent)..][..MEASURES * groups];
        let sum = |word| sum_of(measures, MEASURES, word);
        let (squares, product, distances) = (sum(0), sum(1), sum(2));
        if has(UNIT) {
            d.unit = 1.0 / squares.sqrt().max(1e-12);
        }
        if has(LARGEST) {
            d.unit = 1.0 / largest_of(measures, MEASURES, 3).max(1e-8);
        }
        if has(WITHIN_LENGTH) {
            let length = d.step * d.unit;
            d.shrink = shrink(d.radius, distances + length * (2.0 * product + length * squares));
            d.shrink_carried = shrink(d.radius, sum(4));
            d.start = match kind & ROW_RANDOM {
                0 => shrink(d.next_radius, distances),
                _ => d.next_radius / squares.sqrt().max(1e-12),
            };
        }
    }
    d
}

/// How far the image is from the source, as the budget has it.
fn norm(params: &Params, d: &Decision) -> f32 {
    match params.flags & WITHIN_LENGTH {
        0 => d.linf,
        _ => d.l2,
    }
}

/// Writes the trace's row and the next iteration's state, and clears its counts.
pub(super) fn settle(params: &Params, d: &Decision, counts: &mut [u32], ledger: &mut [u32]) {
    let (now, next) = (params.parity as usize, 1 - params.parity as usize);
    let [here, there] = [now, next].map(|parity| STATE + parity * STATE_LENGTH);
    ledger.copy_within(here..here + STATE_LENGTH, there);
    let length = params.counts_length as usize;
    let next_counts = &mut counts[next * length..(next + 1) * length];
    next_counts.fill(0);
    if let Some(row) = next_counts.get_mut(counts_length(params.class_count as usize)) {
        *row = d.iteration.wrapping_add(u32::from(!d.was_stopped));
    }
    if d.was_stopped {
        return;
    }
    let row = Params::ring_start(params.extent) + (d.iteration % params.ring_rows) as usize * ROW_LENGTH;
    let floats = [d.iou, d.accuracy, d.l2, d.linf, d.step, d.loss, d.rate];
    ledger[row] = d.iteration;
    ledger[row + 1..row + ROW_LENGTH].copy_from_slice(&floats.map(f32::to_bits));

    let state = &mut ledger[there..there + STATE_LENGTH];
    state[STATE_ITERATION] = d.iteration.wrapping_add(1);
    state[STATE_STOPPED] = d.stops;
    if d.new_best {
        state[STATE_BEST_SCORE] = d.score.wrapping_add(1);
        state[STATE_BEST_ITERATION] = d.iteration;
        if d.succeeds {
            state[STATE_BEST_NORM] = norm(params, d).to_bits();
        }
    }
    let floats = [
        (STATE_TRACKED, d.tracked),
        (STATE_HIGHEST, d.highest),
        (STATE_CHECKED, d.checked),
        (STATE_STEP_SCALE, d.step_scale),
        (STATE_RADIUS_SCALE, d.radius_scale),
        (STATE_LOW, d.low),
        (STATE_HIGH, d.high),
    ];
    for (word, value) in floats {
        state[word] = value.to_bits();
    }
    state[STATE_RISES] = d.rises;
    state[STATE_HALVED] = d.halved;
    state[STATE_ROUND] = d.round_succeeded;
    if params.flags & PHASES != 0 {
        state[STATE_PHASE_SCORE] = d.phase_score;
    }
}
