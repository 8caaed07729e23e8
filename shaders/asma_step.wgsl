// All that an ASMA iteration does besides the network: `mask` before the network's backward pass and
// `update` after it, each one pass over memory.

const WORKGROUP: u32 = 256u;

// Class bits.
const CLASS_ATTACKED: u32 = 1u;
const CLASS_AVERAGED: u32 = 2u;

// ---------------------------------------------------------------------------------------------------
// mask: logits and target to argmax, adaptive mask, seed gradient, counts. One output pixel per thread.

const WRITE_SEED: u32 = 1u;
const COUNT: u32 = 2u;
const ADAPTIVE: u32 = 4u;

// 3 · 255 + 2: class 255 cannot exist, that label means "ignore".
const MOST_COUNTS: u32 = 767u;

struct MaskParams {
    logits: View,
    seed: View,
    extent: Extent,
    class_count: u32,
    flags: u32,
    parity: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> mask_params: MaskParams;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> mask_classes: array<u32>;
@group(0) @binding(4) var<storage, read_write> seed: array<f32>;
@group(0) @binding(5) var<storage, read_write> counts_to_add: array<atomic<u32>>;

var<workgroup> workgroup_counts: array<atomic<u32>, MOST_COUNTS>;

// The class with the largest logit, the first one of equals.
fn predicted_class(sample: u32, y: u32, x: u32) -> u32 {
    var largest = logits[at(mask_params.logits, sample, 0u, y, x)];
    if mask_params.extent.c == 1u {
        return select(0u, 1u, largest > 0.0);
    }
    var predicted = 0u;
    for (var c = 1u; c < mask_params.extent.c; c++) {
        let logit = logits[at(mask_params.logits, sample, c, y, x)];
        if logit > largest {
            largest = logit;
            predicted = c;
        }
    }
    return predicted;
}

fn write_seed(sample: u32, y: u32, x: u32, label: u32, predicted: u32) {
    var seeded = false;
    if label < mask_params.class_count {
        let attacked = (mask_classes[label] & CLASS_ATTACKED) != 0u;
        let adaptive = (mask_params.flags & ADAPTIVE) != 0u;
        seeded = attacked && (!adaptive || predicted != label);
    }
    if mask_params.extent.c == 1u {
        // The one channel z stands for the logits (−z, z).
        let slope = select(-1.0, 1.0, label == 1u);
        seed[at(mask_params.seed, sample, 0u, y, x)] = select(0.0, slope, seeded);
        return;
    }
    for (var c = 0u; c < mask_params.extent.c; c++) {
        seed[at(mask_params.seed, sample, c, y, x)] = select(0.0, 1.0, seeded && c == label);
    }
}

fn count(label: u32, predicted: u32) {
    atomicAdd(&workgroup_counts[3u * label + 1u], 1u);
    atomicAdd(&workgroup_counts[3u * predicted + 2u], 1u);
    if predicted == label {
        atomicAdd(&workgroup_counts[3u * label], 1u);
        atomicAdd(&workgroup_counts[3u * mask_params.class_count], 1u);
    }
    atomicAdd(&workgroup_counts[3u * mask_params.class_count + 1u], 1u);
}

@compute @workgroup_size(WORKGROUP)
fn mask(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let pixels = mask_params.extent.h * mask_params.extent.w;
    let pixel = (workgroup.y * workgroups.x + workgroup.x) * WORKGROUP + thread;
    let sample = workgroup.z;
    let inside = pixel < pixels;
    let counting = (mask_params.flags & COUNT) != 0u;
    let count_length = 3u * mask_params.class_count + 2u;

    if counting {
        for (var i = thread; i < count_length; i += WORKGROUP) {
            atomicStore(&workgroup_counts[i], 0u);
        }
        workgroupBarrier();
    }

    if inside {
        let y = pixel / mask_params.extent.w;
        let x = pixel - y * mask_params.extent.w;
        let label = labels[sample * pixels + pixel];
        let predicted = predicted_class(sample, y, x);
        if (mask_params.flags & WRITE_SEED) != 0u {
            write_seed(sample, y, x, label, predicted);
        }
        // What is no class is "ignore".
        if counting && label < mask_params.class_count {
            count(label, predicted);
        }
    }

    if counting {
        workgroupBarrier();
        let start = (sample * 2u + mask_params.parity) * count_length;
        for (var i = thread; i < count_length; i += WORKGROUP) {
            let value = atomicLoad(&workgroup_counts[i]);
            if value != 0u {
                atomicAdd(&counts_to_add[start + i], value);
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------------
// update: gradient, image, source and counts to multiplier, step, clip, statistics. Four input elements
// per thread.

const STEP: u32 = 1u;
const CLIP: u32 = 2u;
const SETTLE: u32 = 4u;
const STATIC_MULTIPLIER: u32 = 8u;
const MULTIPLIER_FROM_COUNTS: u32 = 16u;
const REGION: u32 = 32u;

const ELEMENTS_PER_THREAD: u32 = 4u;

// Words of the ledger, as `src/kernels/asma_update.rs` has them.
const HEADER: u32 = 32u;
const TAU: u32 = 0u;
const BETA: u32 = 1u;
const STOP_IOU: u32 = 2u;
const PATIENCE: u32 = 3u;
const STATE: u32 = 8u;
const STATE_LENGTH: u32 = 8u;
const STATE_ITERATION: u32 = 0u;
const STATE_STOPPED: u32 = 1u;
const STATE_BEST_IOU: u32 = 2u;
const STATE_BEST_ITERATION: u32 = 3u;
const STATE_MULTIPLIER: u32 = 4u;
const RUNNING: u32 = 0u;
const REACHED: u32 = 1u;
const NO_PROGRESS: u32 = 2u;
const ROW_LENGTH: u32 = 8u;

struct UpdateParams {
    extent: Extent,
    class_count: u32,
    flags: u32,
    parity: u32,
    lambda: f32,
    ring_rows: u32,
    ledger_length: u32,
    unused: vec2<u32>,
}

@group(0) @binding(0) var<uniform> update_params: UpdateParams;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> source: array<f32>;
@group(0) @binding(3) var<storage, read> region: array<u32>;
@group(0) @binding(4) var<storage, read> update_classes: array<u32>;
@group(0) @binding(5) var<storage, read_write> adversarial: array<f32>;
@group(0) @binding(6) var<storage, read_write> best: array<f32>;
@group(0) @binding(7) var<storage, read_write> counts: array<u32>;
@group(0) @binding(8) var<storage, read_write> ledger: array<u32>;

// What every workgroup of a sample works out for itself from the counts and the state.
struct Decision {
    was_stopped: bool,
    // Why the sample stops in this settlement, or RUNNING.
    stops: u32,
    new_best: bool,
    iou: f32,
    // Of this iteration's step.
    multiplier: f32,
    next_multiplier: f32,
}

var<workgroup> decision: Decision;
var<workgroup> sums: array<f32, WORKGROUP>;
var<workgroup> maxima: array<f32, WORKGROUP>;

fn has(flag: u32) -> bool {
    return (update_params.flags & flag) != 0u;
}

fn counts_start(sample: u32, parity: u32) -> u32 {
    return (sample * 2u + parity) * (3u * update_params.class_count + 2u);
}

fn state_start(sample: u32, parity: u32) -> u32 {
    return sample * update_params.ledger_length + STATE + parity * STATE_LENGTH;
}

// Workgroups of a sample that have elements.
fn group_count() -> u32 {
    let extent = update_params.extent;
    let elements = WORKGROUP * ELEMENTS_PER_THREAD;
    return (extent.c * extent.h * extent.w + elements - 1u) / elements;
}

fn partial_sums_start(sample: u32, parity: u32) -> u32 {
    return sample * update_params.ledger_length + HEADER + parity * 2u * group_count();
}

// Exactly 1 where part and whole are equal (and where both are 0): a device may round a division.
fn ratio(part: u32, whole: u32) -> f32 {
    if part == whole {
        return 1.0;
    }
    return f32(part) / f32(whole);
}

// Sums `sum` and takes the largest `maximum` over the workgroup's threads, in an order that never changes.
// The results stand at index 0, for thread 0 to read.
fn reduce(thread: u32, sum: f32, maximum: f32) {
    sums[thread] = sum;
    maxima[thread] = maximum;
    workgroupBarrier();
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
        if thread < half {
            sums[thread] += sums[thread + half];
            maxima[thread] = max(maxima[thread], maxima[thread + half]);
        }
        workgroupBarrier();
    }
}

// One class per thread: its IoU to `sums`, whether it is averaged to `maxima`.
fn class_iou(sample: u32, c: u32) {
    let start = counts_start(sample, update_params.parity) + 3u * c;
    let both = counts[start];
    let either = counts[start + 1u] + counts[start + 2u] - both;
    let averaged = (update_classes[c] & CLASS_AVERAGED) != 0u;
    sums[c] = select(0.0, ratio(both, either), averaged);
    maxima[c] = select(0.0, 1.0, averaged);
}

// Mean over the averaged classes of what `class_iou` left.
fn mean_iou() -> f32 {
    var total = 0.0;
    var averaged = 0.0;
    for (var c = 0u; c < update_params.class_count; c++) {
        total += sums[c];
        averaged += maxima[c];
    }
    if total == averaged {
        return 1.0;
    }
    return total / averaged;
}

fn decide(sample: u32) {
    let settings = sample * update_params.ledger_length;
    let state = state_start(sample, update_params.parity);
    let iteration = ledger[state + STATE_ITERATION];
    let tau = bitcast<f32>(ledger[settings + TAU]);

    let iou = mean_iou();
    var next_multiplier = bitcast<f32>(ledger[settings + BETA]) * iou + tau;
    var multiplier = bitcast<f32>(ledger[state + STATE_MULTIPLIER]);
    if has(STATIC_MULTIPLIER) {
        next_multiplier = tau;
        multiplier = tau;
    } else if has(MULTIPLIER_FROM_COUNTS) {
        multiplier = select(next_multiplier, tau, iteration == 0u);
    }

    let was_stopped = ledger[state + STATE_STOPPED] != RUNNING;
    let settles = has(SETTLE) && !was_stopped;
    let new_best = settles && iou > bitcast<f32>(ledger[state + STATE_BEST_IOU]);
    let best_iteration = select(ledger[state + STATE_BEST_ITERATION], iteration, new_best);
    let patience = ledger[settings + PATIENCE];
    var stops = RUNNING;
    if settles && iou >= bitcast<f32>(ledger[settings + STOP_IOU]) {
        stops = REACHED;
    } else if settles && patience > 0u && iteration - best_iteration >= patience {
        stops = NO_PROGRESS;
    }
    decision = Decision(was_stopped, stops, new_best, iou, multiplier, next_multiplier);
}

// The trace's row and the next iteration's state; `l2_squared` and `linf` are of the whole sample.
fn settle(sample: u32, l2_squared: f32, linf: f32) {
    let state = state_start(sample, update_params.parity);
    let next_state = state_start(sample, 1u - update_params.parity);
    for (var word = 0u; word < STATE_LENGTH; word++) {
        ledger[next_state + word] = ledger[state + word];
    }
    if decision.was_stopped {
        return;
    }
    let iteration = ledger[state + STATE_ITERATION];
    ledger[next_state + STATE_ITERATION] = iteration + 1u;
    ledger[next_state + STATE_STOPPED] = decision.stops;
    ledger[next_state + STATE_MULTIPLIER] = bitcast<u32>(decision.next_multiplier);
    if decision.new_best {
        ledger[next_state + STATE_BEST_IOU] = bitcast<u32>(decision.iou);
        ledger[next_state + STATE_BEST_ITERATION] = iteration;
    }
    if update_params.ring_rows == 0u {
        return;
    }
    let totals = counts_start(sample, update_params.parity) + 3u * update_params.class_count;
    let row = partial_sums_start(sample, 2u) + (iteration % update_params.ring_rows) * ROW_LENGTH;
    ledger[row] = iteration;
    ledger[row + 1u] = bitcast<u32>(decision.iou);
    ledger[row + 2u] = bitcast<u32>(ratio(counts[totals], counts[totals + 1u]));
    ledger[row + 3u] = bitcast<u32>(sqrt(l2_squared));
    ledger[row + 4u] = bitcast<u32>(linf);
    ledger[row + 5u] = bitcast<u32>(decision.multiplier);
    ledger[row + 6u] = 1u;
    ledger[row + 7u] = 0u;
}

@compute @workgroup_size(WORKGROUP)
fn update(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let sample = workgroup.z;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let other_parity = 1u - update_params.parity;

    if thread < update_params.class_count {
        class_iou(sample, thread);
    }
    workgroupBarrier();
    if thread == 0u {
        decide(sample);
    }
    workgroupBarrier();

    if has(SETTLE) && group == 0u {
        let partial_sums = partial_sums_start(sample, update_params.parity);
        var sum = 0.0;
        var maximum = 0.0;
        for (var i = thread; i < group_count(); i += WORKGROUP) {
            sum += bitcast<f32>(ledger[partial_sums + 2u * i]);
            maximum = max(maximum, bitcast<f32>(ledger[partial_sums + 2u * i + 1u]));
        }
        reduce(thread, sum, maximum);
        if thread == 0u {
            settle(sample, sums[0], maxima[0]);
        }
        let next_counts = counts_start(sample, other_parity);
        for (var i = thread; i < 3u * update_params.class_count + 2u; i += WORKGROUP) {
            counts[next_counts + i] = 0u;
        }
    }

    let steps = has(STEP) && !decision.was_stopped && decision.stops == RUNNING;
    let clips = has(CLIP) && !decision.was_stopped && (steps || !has(STEP));
    let pixels = update_params.extent.h * update_params.extent.w;
    let elements = update_params.extent.c * pixels;
    var sum = 0.0;
    var maximum = 0.0;
    for (var j = 0u; j < ELEMENTS_PER_THREAD; j++) {
        let element = (group * ELEMENTS_PER_THREAD + j) * WORKGROUP + thread;
        if element < elements {
            let place = sample * elements + element;
            let before = adversarial[place];
            var after = before;
            let may_change = !has(REGION) || region[sample * pixels + element % pixels] != 0u;
            if steps && may_change {
                let ascent = gradient[place] + 2.0 * update_params.lambda * (source[place] - before);
                after += decision.multiplier * ascent;
            }
            if clips && may_change {
                after = clamp(after, 0.0, 1.0);
            }
            if decision.new_best {
                best[place] = select(after, before, has(STEP));
            }
            if steps || clips {
                adversarial[place] = after;
            }
            if has(STEP) {
                let difference = after - source[place];
                sum += difference * difference;
                maximum = max(maximum, abs(difference));
            }
        }
    }

    if has(STEP) {
        reduce(thread, sum, maximum);
        if thread == 0u && group < group_count() {
            let half = select(update_params.parity, other_parity, has(SETTLE));
            let partial_sums = partial_sums_start(sample, half) + 2u * group;
            ledger[partial_sums] = bitcast<u32>(sums[0]);
            ledger[partial_sums + 1u] = bitcast<u32>(maxima[0]);
        }
    }
}
