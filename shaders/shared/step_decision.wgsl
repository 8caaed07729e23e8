// What a step with a budget decides of a sample, alike in every workgroup, from counts, losses, state and schedule. Comes after
// shared/ledger.wgsl and stands before attack_step.wgsl, which has the bindings and the flags.

struct Decision {
    was_stopped: bool,
    // Why the sample stops in this settlement, or RUNNING.
    stops: u32,
    new_best: bool,
    // The image is the best of its phase.
    new_phase_best: bool,
    // The tracked loss is the highest of the phase.
    improves: bool,
    // The step is halved, and goes on from where the loss was highest.
    goes_back: bool,
    // A row of this iteration alone gives the goal.
    succeeds: bool,
    iteration: u32,
    // Of the schedule's row.
    kind: u32,
    seed: u32,
    correction: f32,
    radius: f32,
    next_radius: f32,
    // Length of the step, and what a gradient is multiplied by to be of length 1.
    step: f32,
    unit: f32,
    momentum: f32,
    // What distances to the source are multiplied by after the step, and after what momentum adds.
    shrink: f32,
    shrink_carried: f32,
    // What noise or best image are multiplied by at the start of the next phase.
    start: f32,
    // Pixels that the attack got right.
    score: u32,
    phase_score: u32,
    rate: f32,
    accuracy: f32,
    iou: f32,
    loss: f32,
    l2: f32,
    linf: f32,
    // The state that follows.
    tracked: f32,
    highest: f32,
    checked: f32,
    rises: u32,
    halved: u32,
    step_scale: f32,
    radius_scale: f32,
    low: f32,
    high: f32,
    round_succeeded: u32,
}

const TOO_FAR: f32 = 3e38;

fn measures_start(sample: u32) -> u32 {
    return partial_sums_start(sample, 2u);
}

// Sums word `word` of the measures over the workgroups, for this thread alone.
fn measure_part(sample: u32, thread: u32, word: u32) -> f32 {
    let start = measures_start(sample) + word;
    var sum = 0.0;
    for (var i = thread; i < group_count(); i += WORKGROUP) {
        sum += bitcast<f32>(ledger[start + MEASURES * i]);
    }
    return sum;
}

fn largest_part(sample: u32, thread: u32, word: u32) -> f32 {
    let start = measures_start(sample) + word;
    var largest_of = 0.0;
    for (var i = thread; i < group_count(); i += WORKGROUP) {
        largest_of = max(largest_of, bitcast<f32>(ledger[start + MEASURES * i]));
    }
    return largest_of;
}

// A thread's part of the losses.
fn loss_part(sample: u32, thread: u32) -> vec2<f32> {
    let start = counts_start(sample, params.parity) + 3u * CLASS_COUNT + 3u;
    var sum = vec2(0.0);
    for (var i = thread; i < params.loss_sums; i += WORKGROUP) {
        sum += vec2(bitcast<f32>(counts[start + 2u * i]), bitcast<f32>(counts[start + 2u * i + 1u]));
    }
    return sum;
}

fn schedule_word(row: u32, word: u32) -> u32 {
    return settings[2u * CLASS_COUNT + SCHEDULE_LENGTH * row + word];
}

// All threads of all workgroups of a sample do this alike.
fn decide(sample: u32, thread: u32) -> Decision {
    let header = sample * params.ledger_length;
    let state = state_start(sample, params.parity);
    var d: Decision;

    if thread < CLASS_COUNT {
        class_iou(sample, thread);
    }
    workgroupBarrier();
    if thread == 0u {
        shared_iou = mean_iou();
    }
    workgroupBarrier();
    d.iou = shared_iou;
    let settled = settled_sums(sample, thread);
    sums[thread] = loss_part(sample, thread);
    maxima[thread] = vec2(settled.y, 0.0);
    reduce(thread);
    let losses = sums[0];
    d.linf = maxima[0].x;
    workgroupBarrier();
    sums[thread] = vec2(settled.x, 0.0);
    reduce(thread);
    d.l2 = sqrt(sums[0].x);
    workgroupBarrier();

    d.was_stopped = ledger[state + STATE_STOPPED] != RUNNING;
    d.iteration = ledger[state + STATE_ITERATION];
    let row = min(d.iteration, params.schedule_rows - 1u);
    d.kind = schedule_word(row, SCHEDULE_KIND);
    d.seed = schedule_word(row, SCHEDULE_SEED);
    d.correction = bitcast<f32>(schedule_word(row, SCHEDULE_CORRECTION));
    let first = (d.kind & ROW_FIRST) != 0u;
    let last = (d.kind & ROW_LAST) != 0u;

    let totals = counts_start(sample, params.parity) + 3u * CLASS_COUNT;
    let correct = counts[totals];
    let counted = counts[totals + 1u];
    d.accuracy = ratio(correct, counted);
    d.score = select(counted - correct, correct, has(TARGETED));
    d.rate = ratio(d.score, counted);
    if has(PUBLISHED) && first && !has(TARGETED) {
        d.score = params.pixels - correct;
    }
    d.loss = losses.x * params.loss_scale;
    d.tracked = params.tracked * select(losses.y, losses.x, has(TRACK_LOSS));

    // Whether the step is too long.
    d.highest = bitcast<f32>(ledger[state + STATE_HIGHEST]);
    d.improves = first || d.tracked > d.highest;
    d.highest = select(d.highest, d.tracked, d.improves);
    let rose = d.tracked > bitcast<f32>(ledger[state + STATE_TRACKED]);
    d.rises = select(ledger[state + STATE_RISES] + select(0u, 1u, rose), 0u, first);
    d.halved = select(ledger[state + STATE_HALVED], 1u, first);
    d.checked = select(bitcast<f32>(ledger[state + STATE_CHECKED]), d.tracked, first);
    d.step_scale = select(bitcast<f32>(ledger[state + STATE_STEP_SCALE]), 1.0, first);
    if (d.kind & ROW_CHECK) != 0u {
        let few = f32(d.rises) <= 0.75 * f32(schedule_word(row, SCHEDULE_WINDOW));
        let stuck = d.halved == 0u && d.highest == d.checked;
        d.goes_back = few || stuck;
        d.halved = select(0u, 1u, d.goes_back);
        d.checked = d.highest;
        d.rises = 0u;
        d.step_scale *= select(1.0, 0.5, d.goes_back);
    }
    if has(PUBLISHED) && first {
        // The published schedule compares the first loss with a 0 that nothing was written to.
        d.tracked = 0.0;
    }

    // Whether the image is the best so far.
    let goal = bitcast<f32>(ledger[header + GOAL]);
    let settles = !d.was_stopped;
    let allowed = (d.kind & ROW_WIDE) == 0u;
    d.succeeds = allowed && select(d.rate, d.iou, has(GOAL_OF_IOU)) >= goal;
    if has(PHASES) {
        d.phase_score = select(ledger[state + STATE_PHASE_SCORE], 0u, first);
        d.new_phase_best = settles && d.score + 1u >= d.phase_score;
        d.phase_score = select(d.phase_score, d.score + 1u, d.new_phase_best);
    }
    d.new_best = settles && allowed && d.score + 1u >= ledger[state + STATE_BEST_SCORE];
    if has(KEEP_LAST) {
        d.new_best = d.new_best && last;
    }
    let norm = select(d.linf, d.l2, has(WITHIN_LENGTH));
    if has(MINIMISE) {
        let best_norm = bitcast<f32>(ledger[state + STATE_BEST_NORM]);
        d.new_best = select(d.new_best && best_norm >= TOO_FAR, settles && norm < best_norm, d.succeeds);
    }
    d.stops = RUNNING;
    // Nothing is smaller than no change at all.
    if settles && d.succeeds && (!has(MINIMISE) || norm == 0.0) {
        d.stops = REACHED;
        d.new_best = true;
    }

    // The budget, which bisection scales, and what the step makes of it.
    let scale = bitcast<f32>(ledger[state + STATE_RADIUS_SCALE]);
    d.radius_scale = scale;
    d.low = bitcast<f32>(ledger[state + STATE_LOW]);
    d.high = bitcast<f32>(ledger[state + STATE_HIGH]);
    d.round_succeeded = ledger[state + STATE_ROUND];
    if has(MINIMISE) {
        d.round_succeeded |= select(0u, 1u, d.succeeds);
        if (d.kind & ROW_BISECTS) != 0u {
            if d.round_succeeded == 1u {
                d.high = scale;
                // Rounds that failed at as much, of another random start, tell nothing of less.
                d.low = select(0.0, d.low, d.low < d.high);
            } else {
                d.low = scale;
            }
            d.radius_scale = 0.5 * (d.low + d.high);
            d.round_succeeded = 0u;
        }
    }
    d.radius = scale * bitcast<f32>(schedule_word(row, SCHEDULE_RADIUS));
    d.next_radius = d.radius_scale * bitcast<f32>(schedule_word(row, SCHEDULE_NEXT_RADIUS));
    d.step = d.step_scale * scale * bitcast<f32>(schedule_word(row, SCHEDULE_STEP));
    d.momentum = select(0.75, 1.0, first);
    d.unit = 1.0;
    d.shrink = 1.0;
    d.shrink_carried = 1.0;
    d.start = d.next_radius;
    if !has(MEASURE) && (has(UNIT) || has(LARGEST) || has(WITHIN_LENGTH)) {
        sums[thread] = vec2(measure_part(sample, thread, 0u), measure_part(sample, thread, 1u));
        maxima[thread] = vec2(largest_part(sample, thread, 3u), 0.0);
        reduce(thread);
        let squares = sums[0].x;
        let product = sums[0].y;
        let steepest = maxima[0].x;
        workgroupBarrier();
        sums[thread] = vec2(measure_part(sample, thread, 2u), measure_part(sample, thread, 4u));
        reduce(thread);
        let distances = sums[0].x;
        let carried_squares = sums[0].y;
        workgroupBarrier();
        if has(UNIT) {
            d.unit = 1.0 / max(sqrt(squares), 1e-12);
        }
        if has(LARGEST) {
            d.unit = 1.0 / max(steepest, 1e-8);
        }
        if has(WITHIN_LENGTH) {
            let length = d.step * d.unit;
            d.shrink = shrink(d.radius, distances + length * (2.0 * product + length * squares));
            d.shrink_carried = shrink(d.radius, carried_squares);
            d.start = select(shrink(d.next_radius, distances), d.next_radius / max(sqrt(squares), 1e-12), (d.kind & ROW_RANDOM) != 0u);
        }
    }
    return d;
}

// Word `word` of the next iteration's state.
fn next_state_word(sample: u32, word: u32, d: Decision) -> u32 {
    let value = ledger[state_start(sample, params.parity) + word];
    if d.was_stopped {
        return value;
    }
    switch word {
        case STATE_ITERATION: { return d.iteration + 1u; }
        case STATE_STOPPED: { return d.stops; }
        case STATE_BEST_SCORE: { return select(value, d.score + 1u, d.new_best); }
        case STATE_BEST_ITERATION: { return select(value, d.iteration, d.new_best); }
        case STATE_TRACKED: { return bitcast<u32>(d.tracked); }
        case STATE_HIGHEST: { return bitcast<u32>(d.highest); }
        case STATE_CHECKED: { return bitcast<u32>(d.checked); }
        case STATE_RISES: { return d.rises; }
        case STATE_HALVED: { return d.halved; }
        case STATE_STEP_SCALE: { return bitcast<u32>(d.step_scale); }
        case STATE_RADIUS_SCALE: { return bitcast<u32>(d.radius_scale); }
        case STATE_LOW: { return bitcast<u32>(d.low); }
        case STATE_HIGH: { return bitcast<u32>(d.high); }
        case STATE_BEST_NORM: {
            let norm = select(d.linf, d.l2, has(WITHIN_LENGTH));
            return select(value, bitcast<u32>(norm), d.new_best && d.succeeds);
        }
        case STATE_ROUND: { return d.round_succeeded; }
        case STATE_PHASE_SCORE: { return select(value, d.phase_score, has(PHASES)); }
        default: { return value; }
    }
}

// Word `word` of the trace's row.
fn row_word(word: u32, d: Decision) -> u32 {
    switch word {
        case 0u: { return d.iteration; }
        case 1u: { return bitcast<u32>(d.iou); }
        case 2u: { return bitcast<u32>(d.accuracy); }
        case 3u: { return bitcast<u32>(d.l2); }
        case 4u: { return bitcast<u32>(d.linf); }
        case 5u: { return bitcast<u32>(d.step); }
        case 6u: { return bitcast<u32>(d.loss); }
        default: { return bitcast<u32>(d.rate); }
    }
}

// The trace's row and the next iteration's state, one word per thread.
fn settle(sample: u32, thread: u32, d: Decision) {
    if thread < STATE_LENGTH {
        ledger[state_start(sample, 1u - params.parity) + thread] = next_state_word(sample, thread, d);
    }
    if thread < ROW_LENGTH && !d.was_stopped {
        let row = measures_start(sample) + MEASURES * group_count() + (d.iteration % params.ring_rows) * ROW_LENGTH;
        ledger[row + thread] = row_word(thread, d);
    }
}
