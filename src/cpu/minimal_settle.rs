//! Twin of [`kernels::minimal_settle`](crate::kernels::minimal_settle).

use crate::kernels::alma_step::LEAST_METRIC;
use crate::kernels::ledger::{
    CLASS_AVERAGED, HEADER, ROW_LENGTH, STATE, STATE_BEST_ITERATION, STATE_ITERATION, STATE_LENGTH,
    STATE_REACHED, STATE_STOPPED, counts_length, image_groups,
};
use crate::kernels::minimal_settle::{
    ITERATIONS, MULTIPLIERS, Params, RATE, REACHED, RUNNING, SCALE_AT_SUCCESS, SCALE_ELSE, SCALES,
    SCHEDULE_LENGTH, SPARED, STATE_BEST_ADVERSARIAL, STATE_BEST_DISTANCE, STATE_METRIC, STATE_NEW_BEST,
    STATE_RANK, STATE_SCALE, STATE_SCHEDULE, STATE_SHARE, STATE_SLACK, STATE_STEP, SUMS_OF_SEEDS, TARGETED,
    ring_start, seed_groups, sums_length,
};

/// The next state and the trace's row of each sample.
pub fn run(
    params: &Params,
    classes: &[u32],
    schedule: &[f32],
    sums: &[f32],
    counts: &mut [u32],
    ledger: &mut [u32],
) {
    let counts_length = counts_length(params.class_count as usize);
    let sums_length = sums_length(params.output);
    let samples = counts
        .chunks_exact_mut(2 * counts_length)
        .zip(sums.chunks_exact(sums_length))
        .zip(ledger.chunks_exact_mut(params.ledger_length as usize));
    for ((counts, sums), ledger) in samples.take(params.extent.n as usize) {
        settle(params, classes, schedule, sums, counts, ledger);
    }
}

fn settle(
    params: &Params,
    classes: &[u32],
    schedule: &[f32],
    sums: &[f32],
    counts: &mut [u32],
    ledger: &mut [u32],
) {
    let has = |flag| params.flags & flag != 0;
    let (parity, other) = (params.parity as usize, 1 - params.parity as usize);
    let length = counts.len() / 2;
    let (here, there) = (STATE + parity * STATE_LENGTH, STATE + other * STATE_LENGTH);
    let [l2, linf] = distances(params, ledger, parity);
    let sum = |half: usize, word: usize| {
        let length = SUMS_OF_SEEDS * seed_groups(params.output) as usize;
        let half = &sums[half * length..(half + 1) * length];
        let words = half.iter().skip(word).step_by(SUMS_OF_SEEDS);
        words.map(|&value| f64::from(value)).sum::<f64>() as f32
    };
    let state = |word: usize| ledger[here + word];
    let float = |word: usize| f32::from_bits(state(word));
    let iteration = state(STATE_ITERATION);
    let running = state(STATE_STOPPED) == RUNNING;
    let rate = f32::from_bits(ledger[RATE]);
    let iterations = ledger[ITERATIONS];
    let next_row = iteration.wrapping_add(1).min(params.schedule_rows - 1) as usize;
    let next_schedule = &schedule[next_row * SCHEDULE_LENGTH..(next_row + 1) * SCHEDULE_LENGTH];

    let of_parity = &counts[parity * length..(parity + 1) * length];
    let (correct, all) = (of_parity[length - 2], of_parity[length - 1]);
    let adversarial = if has(TARGETED) {
        correct
    } else {
        all.wrapping_sub(correct)
    };
    let succeeds = all.wrapping_sub(adversarial) <= all / SPARED;
    let smaller = succeeds && (iteration == 0 || linf <= float(STATE_BEST_DISTANCE));
    let progresses = succeeds || adversarial >= state(STATE_BEST_ADVERSARIAL);
    let new_best = running && (smaller || state(STATE_REACHED) == 0 && progresses);
    let reached = match state(STATE_REACHED) {
        0 if succeeds => iteration + 1,
        reached => reached,
    };

    let mut metric = 1.0f32;
    let (step, row_step);
    // Scale and rank, or slack and share.
    let own;
    if has(MULTIPLIERS) {
        let scale = float(STATE_SCALE) / if succeeds { SCALE_AT_SUCCESS } else { SCALE_ELSE };
        let rank = (0.01 * all as f32 * next_schedule[0]) as u32;
        own = [
            (STATE_SCALE, scale.clamp(SCALES[0], SCALES[1]).to_bits()),
            (STATE_RANK, rank),
        ];
        let middle = iterations / 2;
        let found = reached.checked_sub(1).map_or(middle, |first| first.min(middle));
        let tangent = 0.111_111_11 * (iterations - found).max(1) as f32;
        step = rate * (tangent / (iteration.saturating_sub(found) as f32 + tangent));
        row_step = step;
    } else {
        let powers = sum(other, 1);
        metric = distances(params, ledger, other)[1].max(LEAST_METRIC);
        let (slack, share) = match iteration {
            0 => (0.5, 0.5),
            _ => (
                0.9 * float(STATE_SLACK) + 0.1 / (1.0 + powers),
                0.9 * float(STATE_SHARE) + 0.1 * (powers / (1.0 + powers)),
            ),
        };
        own = [(STATE_SLACK, slack.to_bits()), (STATE_SHARE, share.to_bits())];
        row_step = rate * float(STATE_SCHEDULE);
        step = slack / share * (row_step / metric);
    }

    let accuracies = [ratio(correct, all), ratio(adversarial, all)];
    let floats = [
        mean_iou(of_parity, classes),
        accuracies[0],
        l2,
        linf,
        row_step,
        sum(parity, 0),
        accuracies[1],
    ];
    ledger.copy_within(here..here + STATE_LENGTH, there);
    ledger[there + STATE_NEW_BEST] = u32::from(new_best);
    if running {
        let scheduled = next_schedule.iter().map(|value| value.to_bits());
        for (word, value) in (STATE_SCHEDULE..).zip(scheduled).chain(own) {
            ledger[there + word] = value;
        }
        let stops = if succeeds && linf == 0.0 { REACHED } else { RUNNING };
        for (word, value) in [
            (STATE_ITERATION, iteration.wrapping_add(1)),
            (STATE_STOPPED, stops),
            (STATE_REACHED, reached),
            (STATE_STEP, step.to_bits()),
            (STATE_METRIC, metric.to_bits()),
        ] {
            ledger[there + word] = value;
        }
        if new_best {
            ledger[there + STATE_BEST_ADVERSARIAL] = adversarial;
            ledger[there + STATE_BEST_ITERATION] = iteration;
            ledger[there + STATE_BEST_DISTANCE] = linf.to_bits();
        }
        let ring = ring_start(params.extent);
        let row = ring + (iteration % params.ring_rows) as usize * ROW_LENGTH;
        ledger[row] = iteration;
        ledger[row + 1..row + ROW_LENGTH].copy_from_slice(&floats.map(f32::to_bits));
    }
    counts[other * length..(other + 1) * length].fill(0);
}

/// What the partial sums of a parity come to: L2 and the largest distance.
fn distances(params: &Params, ledger: &[u32], parity: usize) -> [f32; 2] {
    let words = 2 * image_groups(params.extent) as usize;
    let start = HEADER + parity * words;
    let (mut squares, mut largest) = (0.0f64, 0.0f32);
    for pair in ledger[start..start + words].chunks_exact(2) {
        squares += f64::from(f32::from_bits(pair[0]));
        largest = largest.max(f32::from_bits(pair[1]));
    }
    [squares.sqrt() as f32, largest]
}

/// Mean over the averaged classes that label or prediction has; 1 if there is none.
fn mean_iou(counts: &[u32], classes: &[u32]) -> f32 {
    let (mut sum, mut averaged) = (0.0, 0);
    for (counts, class) in counts.chunks_exact(3).zip(classes) {
        let union = counts[1] + counts[2] - counts[0];
        if class & CLASS_AVERAGED != 0 && union > 0 {
            sum += ratio(counts[0], union);
            averaged += 1;
        }
    }
    if averaged == 0 { 1.0 } else { sum / averaged as f32 }
}

/// `part / whole`, 1 of nothing.
fn ratio(part: u32, whole: u32) -> f32 {
    match whole {
        0 => 1.0,
        _ => part as f32 / whole as f32,
    }
}
