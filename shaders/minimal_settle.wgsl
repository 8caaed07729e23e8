// What an iteration comes to, one workgroup a sample: the next state and the trace's row.
const WORKGROUP: u32 = 64u;

const TARGETED: u32 = 1u;
const MULTIPLIERS: u32 = 2u;

const CLASS_AVERAGED: u32 = 2u;

const LEAST_SCALE: f32 = 0.1;
const MOST_SCALE: f32 = 1.0;
const SCALE_AT_SUCCESS: f32 = 1.02;
const SCALE_ELSE: f32 = 0.98;
const SPARED: u32 = 100u;

const LEAST_METRIC: f32 = 1e-8;

const SCHEDULE_LENGTH: u32 = 4u;
const SUMS_OF_SEEDS: u32 = 2u;
const SEED_GROUP: u32 = 1024u;

struct Params {
    extent: Extent,
    output: Extent,
    class_count: u32,
    flags: u32,
    parity: u32,
    schedule_rows: u32,
    ring_rows: u32,
    ledger_length: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> classes: array<u32>;
@group(0) @binding(2) var<storage, read> schedule: array<f32>;
@group(0) @binding(3) var<storage, read> sums: array<f32>;
@group(0) @binding(4) var<storage, read_write> counts: array<u32>;
@group(0) @binding(5) var<storage, read_write> ledger: array<u32>;

fn has(flag: u32) -> bool {
    return (FLAGS & flag) != 0u;
}

// The largest of all threads' numbers, for all of them. All threads must come here.
fn largest_of_workgroup(thread: u32, number: f32) -> f32 {
    terms[thread] = number;
    workgroupBarrier();
    var largest = 0.0;
    for (var i = 0u; i < WORKGROUP; i++) {
        largest = max(largest, terms[i]);
    }
    workgroupBarrier();
    return largest;
}

// Exactly 1 where part and whole are equal (and where both are 0): a device may round a division.
fn ratio(part: u32, whole: u32) -> f32 {
    if part == whole {
        return 1.0;
    }
    return f32(part) / f32(whole);
}

fn seed_groups() -> u32 {
    return (params.output.h * params.output.w + SEED_GROUP - 1u) / SEED_GROUP;
}

// Of a half of the sums, what is summed in every `SUMS_OF_SEEDS`-th word from `word` on.
fn seed_sum(sample: u32, thread: u32, half: u32, word: u32) -> f32 {
    let start = (2u * sample + half) * SUMS_OF_SEEDS * seed_groups() + word;
    var sum = 0.0;
    for (var i = thread; i < seed_groups(); i += WORKGROUP) {
        sum += sums[start + i * SUMS_OF_SEEDS];
    }
    return sum_of_workgroup(thread, sum);
}

fn largest_distance(sample: u32, thread: u32, parity: u32) -> f32 {
    let start = distances_start(sample, parity) + 1u;
    var largest = 0.0;
    for (var i = thread; i < distance_groups(); i += WORKGROUP) {
        largest = max(largest, bitcast<f32>(ledger[start + 2u * i]));
    }
    return largest_of_workgroup(thread, largest);
}

// Mean IoU of the averaged classes that label or prediction has.
fn mean_iou(counted: u32, thread: u32) -> f32 {
    var total = 0.0;
    var averaged = 0.0;
    for (var c = thread; c < CLASS_COUNT; c += WORKGROUP) {
        let both = counts[counted + 3u * c];
        let either = counts[counted + 3u * c + 1u] + counts[counted + 3u * c + 2u] - both;
        if (classes[c] & CLASS_AVERAGED) != 0u && either > 0u {
            total += ratio(both, either);
            averaged += 1.0;
        }
    }
    total = sum_of_workgroup(thread, total);
    averaged = sum_of_workgroup(thread, averaged);
    if total == averaged {
        return 1.0;
    }
    return total / averaged;
}

@compute @workgroup_size(WORKGROUP)
fn settle(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let sample = workgroup.z;
    let parity = params.parity;
    let other = 1u - parity;
    let count_length = 3u * CLASS_COUNT + 2u;
    let counted = (sample * 2u + parity) * count_length;

    var squares = 0.0;
    let distances = distances_start(sample, parity);
    for (var i = thread; i < distance_groups(); i += WORKGROUP) {
        squares += bitcast<f32>(ledger[distances + 2u * i]);
    }
    let l2 = sqrt(sum_of_workgroup(thread, squares));
    let linf = largest_distance(sample, thread, parity);
    let loss = seed_sum(sample, thread, parity, 0u);
    let iou = mean_iou(counted, thread);
    var powers = 1.0;
    var metric = 1.0;
    if !has(MULTIPLIERS) {
        powers = seed_sum(sample, thread, other, 1u);
        metric = max(largest_distance(sample, thread, other), LEAST_METRIC);
    }

    let now = state_word(sample, parity, 0u);
    let next = state_word(sample, other, 0u);
    let iteration = ledger[now + STATE_ITERATION];
    let running = ledger[now + STATE_STOPPED] == RUNNING;
    let reached_before = ledger[now + STATE_REACHED];
    let settings = sample * params.ledger_length;
    let rate = bitcast<f32>(ledger[settings + RATE]);
    let iterations = ledger[settings + ITERATIONS];
    let scheduled = bitcast<f32>(ledger[now + STATE_SCHEDULE]);
    let next_schedule = min(iteration + 1u, params.schedule_rows - 1u) * SCHEDULE_LENGTH;

    let correct = counts[counted + count_length - 2u];
    let all = counts[counted + count_length - 1u];
    let adversarial = select(all - correct, correct, has(TARGETED));
    let succeeds = all - adversarial <= all / SPARED;
    let best_distance = bitcast<f32>(ledger[now + STATE_BEST_DISTANCE]);
    let smaller = succeeds && (iteration == 0u || linf <= best_distance);
    let progresses = succeeds || adversarial >= ledger[now + STATE_BEST_ADVERSARIAL];
    let new_best = running && (smaller || (reached_before == 0u && progresses));
    let reached = select(reached_before, iteration + 1u, reached_before == 0u && succeeds);

    var step = rate;
    var row_step = rate;
    // Scale and rank, or slack and share.
    var first = bitcast<f32>(ledger[now + STATE_SCALE]);
    var second = ledger[now + STATE_RANK];
    if has(MULTIPLIERS) {
        first = clamp(first / select(SCALE_ELSE, SCALE_AT_SUCCESS, succeeds), LEAST_SCALE, MOST_SCALE);
        second = u32(0.01 * f32(all) * schedule[next_schedule]);
        let middle = iterations / 2u;
        let found = select(middle, min(max(reached, 1u) - 1u, middle), reached > 0u);
        let tangent = 0.11111111 * f32(max(iterations - found, 1u));
        step = rate * (tangent / (f32(max(iteration, found) - found) + tangent));
        row_step = step;
    } else {
        var share = 0.5;
        if iteration == 0u {
            first = 0.5;
        } else {
            first = 0.9 * first + 0.1 / (1.0 + powers);
            share = 0.9 * bitcast<f32>(second) + 0.1 * (powers / (1.0 + powers));
        }
        second = bitcast<u32>(share);
        row_step = rate * scheduled;
        step = first / share * (row_step / metric);
    }

    if thread == 0u {
        for (var word = 0u; word < STATE_LENGTH; word++) {
            ledger[next + word] = ledger[now + word];
        }
        ledger[next + STATE_NEW_BEST] = select(0u, 1u, new_best);
        if running {
            ledger[next + STATE_ITERATION] = iteration + 1u;
            ledger[next + STATE_STOPPED] = select(RUNNING, REACHED, succeeds && linf == 0.0);
            ledger[next + STATE_REACHED] = reached;
            ledger[next + STATE_SCALE] = bitcast<u32>(first);
            ledger[next + STATE_STEP] = bitcast<u32>(step);
            ledger[next + STATE_RANK] = second;
            ledger[next + STATE_METRIC] = bitcast<u32>(metric);
            for (var word = 0u; word < SCHEDULE_LENGTH; word++) {
                ledger[next + STATE_SCHEDULE + word] = bitcast<u32>(schedule[next_schedule + word]);
            }
            if new_best {
                ledger[next + STATE_BEST_ADVERSARIAL] = adversarial;
                ledger[next + STATE_BEST_ITERATION] = iteration;
                ledger[next + STATE_BEST_DISTANCE] = bitcast<u32>(linf);
            }
            let row = distances_start(sample, 2u) + (iteration % params.ring_rows) * ROW_LENGTH;
            ledger[row] = iteration;
            ledger[row + 1u] = bitcast<u32>(iou);
            ledger[row + 2u] = bitcast<u32>(ratio(correct, all));
            ledger[row + 3u] = bitcast<u32>(l2);
            ledger[row + 4u] = bitcast<u32>(linf);
            ledger[row + 5u] = bitcast<u32>(row_step);
            ledger[row + 6u] = bitcast<u32>(loss);
            ledger[row + 7u] = bitcast<u32>(ratio(adversarial, all));
        }
    }
    for (var i = thread; i < count_length; i += WORKGROUP) {
        counts[(sample * 2u + other) * count_length + i] = 0u;
    }
}
