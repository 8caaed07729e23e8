// How far the rounds of a proximal step are: shared by the kernel that sums and the one that clips. Which words are where the
// constants say that src/kernels/proximal_rounds.rs brings. Stands before a shader with workgroups of 256 threads that has
// `rounds`, the buffer of floats, and behind minimal_ledger.wgsl.

const MOST_ROUNDS: u32 = 5u;
const LEAST_MOVE: f32 = 1e-2;
const SLOT: u32 = 4u;
const SUMS: u32 = ROUND_THRESHOLDS + 2u;

// Sums are added up by so many threads each.
const STRIPS: u32 = 8u;

var<workgroup> round_sums: array<f32, 256>;

fn rounds_start(sample: u32) -> u32 {
    return sample * (ROUNDS_HEADER + 2u * SUMS * distance_groups());
}

// What a call was narrowed down to before it.
fn slot(sample: u32, number: u32) -> u32 {
    return rounds_start(sample) + SLOT * number;
}

// The sums of a call's first workgroup.
fn sums_start(sample: u32, number: u32) -> u32 {
    return rounds_start(sample) + ROUNDS_HEADER + (number % 2u) * SUMS * distance_groups();
}

fn first_call(round: u32) -> u32 {
    return select(FIRST_PASSES + (max(round, 1u) - 1u) * PASSES, 0u, round == 0u);
}

// A word of the state that the settlement of this iteration left.
fn settled_word(sample: u32, word: u32) -> u32 {
    return ledger[state_word(sample, 1u - params.parity, word)];
}

// The value of t at a place among the thresholds; those of a call that begins a round lie closer where they are large.
fn round_threshold(low: f32, high: f32, place: u32, begins: bool) -> f32 {
    let share = f32(place) / f32(ROUND_THRESHOLDS - 1u);
    return low + (high - low) * select(share, share * (2.0 - share), begins);
}

struct Progress {
    // Whether the round is gone through, as far as is known.
    goes: bool,
    // Between these is its bound.
    low: f32,
    high: f32,
    // Of the rounds before.
    bounds: array<f32, MOST_ROUNDS>,
    // How many of those were gone through.
    count: u32,
}

// Between which values of t f falls to the weight, of its values at the thresholds, which stand in the sums.
fn narrowed_round(low: f32, high: f32, begins: bool, weight: f32) -> vec2<f32> {
    var above = 0u;
    for (var place = 0u; place < ROUND_THRESHOLDS; place++) {
        above += select(0u, 1u, round_sums[place] > weight);
    }
    if above == 0u || above == ROUND_THRESHOLDS {
        return vec2(round_threshold(low, high, min(above, ROUND_THRESHOLDS - 1u), begins));
    }
    let before = above - 1u;
    let t = vec2(round_threshold(low, high, before, begins), round_threshold(low, high, above, begins));
    let f = vec2(round_sums[before], round_sums[above]);
    let upper = t.x + min((f.x - weight) / (f.x - f.y), 1.0) * (t.y - t.x);
    var lower = t.x;
    // The chords on either side, drawn out.
    if before > 0u {
        let fall = round_sums[before - 1u] - f.x;
        if fall > 0.0 {
            lower = max(lower, t.x + (f.x - weight) / fall * (t.x - round_threshold(low, high, before - 1u, begins)));
        }
    }
    if above + 1u < ROUND_THRESHOLDS {
        let fall = f.y - round_sums[above + 1u];
        if fall > 0.0 {
            lower = max(lower, t.y - (weight - f.y) / fall * (round_threshold(low, high, above + 1u, begins) - t.y));
        }
    }
    return vec2(min(lower, upper), upper);
}

// Where call NUMBER begins, or after all of them. All threads of a workgroup do this alike.
fn progress_of(sample: u32, thread: u32) -> Progress {
    var progress = Progress();
    let groups = distance_groups();
    if NUMBER == 0u {
        var largest = 0.0;
        for (var group = thread; group < groups; group += 256u) {
            largest = max(largest, bitcast<f32>(ledger[distances_start(sample, 1u - params.parity) + 2u * group]));
        }
        round_sums[thread] = largest;
        workgroupBarrier();
        for (var i = 0u; i < 256u; i++) {
            progress.high = max(progress.high, round_sums[i]);
        }
        progress.goes = settled_word(sample, STATE_STOPPED) == RUNNING;
        return progress;
    }
    let last = max(NUMBER, 1u) - 1u;
    let column = thread % 32u;
    var sum = 0.0;
    if column < SUMS {
        for (var group = thread / 32u; group < groups; group += STRIPS) {
            sum += rounds[sums_start(sample, last) + group * SUMS + column];
        }
    }
    round_sums[thread] = sum;
    workgroupBarrier();
    if thread < 32u {
        for (var strip = 1u; strip < STRIPS; strip++) {
            sum += round_sums[strip * 32u + thread];
        }
        round_sums[thread] = sum;
    }
    workgroupBarrier();

    for (var round = 0u; round < ROUND; round++) {
        let looked_at = slot(sample, first_call(round) + select(0u, 1u, round > 0u));
        progress.count += select(0u, 1u, rounds[looked_at + 2u] == 1.0);
        if round + 1u < ROUND || PASS > 0u {
            progress.bounds[round] = rounds[slot(sample, first_call(round + 1u)) + 3u];
        }
    }
    let before = slot(sample, last);
    let last_begins = last == 0u || (last >= FIRST_PASSES && (last - FIRST_PASSES) % PASSES == 0u);
    let moved = last == 0u || !last_begins
        || round_sums[ROUND_THRESHOLDS] > LEAST_MOVE * LEAST_MOVE * round_sums[ROUND_THRESHOLDS + 1u];
    progress.goes = rounds[before + 2u] == 1.0 && moved;
    if progress.goes {
        let elements = params.extent.c * params.extent.h * params.extent.w;
        let weight = bitcast<f32>(settled_word(sample, STATE_STEP)) / f32(elements);
        let between = narrowed_round(rounds[before], rounds[before + 1u], last_begins, weight);
        progress.low = between.x;
        progress.high = between.y;
        if PASS == 0u {
            progress.bounds[max(ROUND, 1u) - 1u] = between.y;
            progress.low = 0.0;
        }
    }
    return progress;
}

// |z| after all rounds that were gone through, from |anchor| and the metric over its largest number.
fn followed(anchor: f32, factor: f32, progress: Progress) -> f32 {
    var bounds = progress.bounds;
    var z = anchor;
    for (var round = 0u; round < progress.count; round++) {
        z = min(z + factor * (anchor - z), bounds[round]);
    }
    return z;
}
