// What `update` of ASMA reads off counts and ledger and writes back: a sample's multiplier, whether it stops, and the trace's
// row. Comes after shared/ledger.wgsl and stands before asma_update.wgsl, which has the bindings and the flags.

// How a step is held, as `src/kernels/asma_update.rs` has it.
const SHRINK: f32 = 0.5;
const LEAST_RISE: f32 = 0.05;
const STAGNATION: u32 = 4u;
const GROWTH: f32 = 1.02;
const GROWTH_WITH_IOU: f32 = 0.04;
const LEAST_SCALE: f32 = 0.03125;
const MOST_SCALE: f32 = 64.0;
const PULLED_SCALE: f32 = 4.0;
const LEAST_PULL: f32 = 0.4;
const FIRST_REFINING_PULL: f32 = 0.01;
const PULL_GROWTH: f32 = 1.2;
const PULL_SHRINK: f32 = 0.85;
const LEAST_REFINING_PULL: f32 = 0.002;
const MOST_REFINING_PULL: f32 = 0.02;
const LEAST_FALL: f32 = 0.01;
const REFINING_PATIENCE: u32 = 100u;
const REFINING_SHRINK: f32 = 0.95;
const REFINING_GROWTH: f32 = 1.02;
const MOST_ASTRAY: u32 = 8u;

// What every thread of a sample works out for itself from the counts and the state.
struct Decision {
    was_stopped: bool,
    // Why the sample stops in this settlement, or RUNNING.
    stops: u32,
    new_best: bool,
    // The image goes back towards the best one: the step that led to it overshot, or a refinement went astray.
    taken_back: bool,
    // The IoU asked for is reached.
    reached: bool,
    // The IoU is above all before it, or in a refinement L2 is below.
    progresses: bool,
    // The IoU is well above that of the last rise.
    rises: bool,
    // The IoU asked for is reached for the first time, and what follows refines.
    refines: bool,
    iou: f32,
    // What the multiplier is held by.
    scale: f32,
    // The share of the distance to the source that the step gives up.
    pull: f32,
    // Of this iteration's step.
    multiplier: f32,
    next_multiplier: f32,
}

// `l2` is that of the image that is settled, which only what holds asks for. All threads do this alike, outside any branch: the loads are the same for all, which hardware and software
// rasterisers make one of.
fn decide(sample: u32, l2: f32) -> Decision {
    let header = sample * params.ledger_length;
    let state = state_start(sample, params.parity);
    let iteration = ledger[state + STATE_ITERATION];
    let tau = bitcast<f32>(ledger[header + TAU]);

    let iou = shared_iou;
    var next_multiplier = bitcast<f32>(ledger[header + BETA]) * iou + tau;
    var multiplier = bitcast<f32>(ledger[state + STATE_MULTIPLIER]);
    if has(STATIC_MULTIPLIER) {
        next_multiplier = tau;
        multiplier = tau;
    } else if has(MULTIPLIER_FROM_COUNTS) {
        multiplier = select(next_multiplier, tau, iteration == 0u);
    }

    let was_stopped = ledger[state + STATE_STOPPED] != RUNNING;
    let settles = has(SETTLE) && !was_stopped;
    let best_iou = bitcast<f32>(ledger[state + STATE_BEST_IOU]);
    let reached_after = ledger[state + STATE_REACHED];
    let refining = has(REFINE) && reached_after > 0u;
    var leaps = false;
    if has(HOLD) {
        let most = bitcast<f32>(ledger[state + STATE_L2]) + bitcast<f32>(ledger[header + LEAP]);
        leaps = settles && !refining && l2 > most;
    }
    let reached = settles && !leaps && iou >= bitcast<f32>(ledger[header + STOP_IOU]);
    let astray = select(iteration - ledger[state + STATE_KEPT], 0u, reached);
    let strays = settles && refining && astray > 0u && astray % MOST_ASTRAY == 0u;
    let taken_back = leaps || strays;
    var progresses = settles && !taken_back && iou > best_iou;
    // Of equal IoUs, what holds keeps the latest image, so that no step is taken back further than it must.
    var new_best = progresses || (has(HOLD) && settles && !taken_back && iou == best_iou);
    if refining {
        new_best = reached && l2 < bitcast<f32>(ledger[state + STATE_BEST_L2]);
        let most = (1.0 - LEAST_FALL) * bitcast<f32>(ledger[state + STATE_PROGRESS_L2]);
        progresses = new_best && l2 < most;
    }
    let without_progress = iteration - select(min(ledger[state + STATE_PROGRESS], iteration), iteration, progresses);
    let rise_iou = bitcast<f32>(ledger[state + STATE_RISE_IOU]);
    let rises = progresses && !refining && iou > rise_iou + LEAST_RISE * (1.0 - rise_iou);
    let stagnates = iteration - select(min(ledger[state + STATE_RISE], iteration), iteration, rises) > STAGNATION;
    var scale = 1.0;
    var pull = 0.0;
    if has(HOLD) {
        let growth = GROWTH + GROWTH_WITH_IOU * max(best_iou, 0.0);
        var change = select(select(1.0, growth, stagnates), SHRINK, leaps);
        if refining {
            change = select(select(REFINING_GROWTH, REFINING_SHRINK, reached), 1.0, strays);
        }
        scale = clamp(bitcast<f32>(ledger[state + STATE_SCALE]) * change, LEAST_SCALE, MOST_SCALE);
        multiplier = select(multiplier * scale, 0.0, taken_back);
        pull = bitcast<f32>(ledger[header + PULL]) * clamp(PULLED_SCALE / scale, LEAST_PULL, 1.0);
    }
    let refines = has(REFINE) && reached && !refining;
    if refining {
        let change = select(PULL_SHRINK, PULL_GROWTH, reached);
        pull = clamp(bitcast<f32>(ledger[state + STATE_PULL]) * change, LEAST_REFINING_PULL, MOST_REFINING_PULL);
    } else if refines {
        pull = FIRST_REFINING_PULL;
    }
    var ends = reached;
    if has(REFINE) {
        let refined = iteration + 1u - reached_after;
        let limit = ledger[header + REFINING_LIMIT];
        let enough = refined >= select(limit, reached_after, limit == 0u) || without_progress >= REFINING_PATIENCE;
        ends = (reached && l2 <= bitcast<f32>(ledger[header + FLOOR])) || (settles && refining && enough);
    }
    let patience = ledger[header + PATIENCE];
    let impatient = settles && patience > 0u && without_progress >= patience;
    var stops = RUNNING;
    if ends {
        stops = REACHED;
    } else if impatient && !refining && !refines {
        stops = NO_PROGRESS;
    }
    return Decision(
        was_stopped, stops, new_best, taken_back, reached, progresses, rises, refines, iou, scale, pull, multiplier, next_multiplier
    );
}

// Word `word` of the next iteration's state.
fn next_state_word(sample: u32, word: u32, decision: Decision) -> u32 {
    let state = state_start(sample, params.parity);
    let value = ledger[state + word];
    if decision.was_stopped {
        return value;
    }
    let iteration = ledger[state + STATE_ITERATION];
    switch word {
        case STATE_ITERATION: { return iteration + 1u; }
        case STATE_STOPPED: { return decision.stops; }
        case STATE_MULTIPLIER: { return bitcast<u32>(decision.next_multiplier); }
        case STATE_BEST_IOU: { return select(value, bitcast<u32>(decision.iou), decision.new_best); }
        case STATE_BEST_ITERATION: { return select(value, iteration, decision.new_best); }
        case STATE_SCALE: { return bitcast<u32>(decision.scale); }
        case STATE_PROGRESS: { return select(min(value, iteration), iteration, decision.progresses); }
        case STATE_L2: { return bitcast<u32>(sqrt(sums[0].y)); }
        case STATE_REACHED: { return select(value, iteration + 1u, decision.refines); }
        case STATE_KEPT: { return select(value, iteration, decision.reached); }
        case STATE_PULL: { return bitcast<u32>(decision.pull); }
        case STATE_BEST_L2: { return select(value, bitcast<u32>(sqrt(sums[0].y)), decision.new_best); }
        case STATE_PROGRESS_L2: { return select(value, bitcast<u32>(sqrt(sums[0].y)), decision.progresses); }
        case STATE_RISE: { return select(min(value, iteration), iteration, decision.rises); }
        case STATE_RISE_IOU: { return select(value, bitcast<u32>(decision.iou), decision.rises); }
        default: { return value; }
    }
}

// Word `word` of the trace's row; the whole sample's sums stand at index 0 of the workgroup's.
fn row_word(sample: u32, word: u32, iteration: u32, decision: Decision) -> u32 {
    let totals = counts_start(sample, params.parity) + 3u * CLASS_COUNT;
    switch word {
        case 0u: { return iteration; }
        case 1u: { return bitcast<u32>(decision.iou); }
        case 2u: { return bitcast<u32>(ratio(counts[totals], counts[totals + 1u])); }
        case 3u: { return bitcast<u32>(sqrt(sums[0].y)); }
        case 4u: { return bitcast<u32>(maxima[0].y); }
        case 5u: { return bitcast<u32>(decision.multiplier); }
        case 6u: { return 1u; }
        default: { return 0u; }
    }
}

// The trace's row and the next iteration's state, one word per thread.
fn settle(sample: u32, thread: u32, decision: Decision) {
    if thread < STATE_LENGTH {
        let next_state = state_start(sample, 1u - params.parity);
        ledger[next_state + thread] = next_state_word(sample, thread, decision);
    }
    if thread < ROW_LENGTH && !decision.was_stopped && params.ring_rows > 0u {
        let iteration = ledger[state_start(sample, params.parity) + STATE_ITERATION];
        let row = partial_sums_start(sample, 2u) + (iteration % params.ring_rows) * ROW_LENGTH;
        ledger[row + thread] = row_word(sample, thread, iteration, decision);
    }
}
