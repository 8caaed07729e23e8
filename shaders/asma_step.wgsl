// All that an ASMA iteration does besides the network: `mask` before the network's backward pass and
// `update` after it, each one pass over memory.
//
// FLAGS (of the entry point that is used) and CLASS_COUNT are constants that the prelude brings: what the
// flags leave out is not compiled, loops over classes have a known end. `update` reads and writes images as Values, of
// VALUES numbers each, which shared/asma_scalars.wgsl or shared/asma_vectors.wgsl brings.

const WORKGROUP: u32 = 256u;

fn has(flag: u32) -> bool {
    return (FLAGS & flag) != 0u;
}

// Class bits.
const CLASS_ATTACKED: u32 = 1u;
const CLASS_AVERAGED: u32 = 2u;

// ---------------------------------------------------------------------------------------------------
// mask: logits and target to argmax, adaptive mask, seed gradient, counts.

const PIXELS_PER_THREAD: u32 = 16u;

const WRITE_SEED: u32 = 1u;
const COUNT: u32 = 2u;
const ADAPTIVE: u32 = 4u;
const MARGIN: u32 = 8u;

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

var<workgroup> workgroup_counts: array<atomic<u32>, 3u * CLASS_COUNT>;

// The class with the largest logit, the first one of equals.
fn predicted_class(sample: u32, y: u32, x: u32) -> u32 {
    var largest = logits[at(mask_params.logits, sample, 0u, y, x)];
    if mask_params.extent.c == 1u {
        return select(0u, 1u, largest > 0.0);
    }
    var predicted = 0u;
    for (var c = 1u; c < CLASS_COUNT; c++) {
        let logit = logits[at(mask_params.logits, sample, c, y, x)];
        if logit > largest {
            largest = logit;
            predicted = c;
        }
    }
    return predicted;
}

// The class other than the label with the largest logit, the first one of equals.
fn rival_class(sample: u32, y: u32, x: u32, label: u32) -> u32 {
    var rival = select(0u, 1u, label == 0u);
    var largest = logits[at(mask_params.logits, sample, rival, y, x)];
    for (var c = rival + 1u; c < CLASS_COUNT; c++) {
        let logit = logits[at(mask_params.logits, sample, c, y, x)];
        if c != label && logit > largest {
            largest = logit;
            rival = c;
        }
    }
    return rival;
}

fn write_seed(sample: u32, y: u32, x: u32, label: u32, predicted: u32) {
    var seeded = false;
    if label < CLASS_COUNT && (!has(ADAPTIVE) || predicted != label) {
        seeded = (mask_classes[label] & CLASS_ATTACKED) != 0u;
    }
    if mask_params.extent.c == 1u {
        // The one channel z stands for the logits (−z, z).
        let size = select(1.0, 2.0, has(MARGIN));
        let slope = select(-size, size, label == 1u);
        seed[at(mask_params.seed, sample, 0u, y, x)] = select(0.0, slope, seeded);
        return;
    }
    var rival = CLASS_COUNT;
    if has(MARGIN) && seeded {
        rival = rival_class(sample, y, x, label);
    }
    for (var c = 0u; c < CLASS_COUNT; c++) {
        let other = select(0.0, -1.0, c == rival);
        seed[at(mask_params.seed, sample, c, y, x)] = select(other, 1.0, seeded && c == label);
    }
}

// Pixels in a row that have the same label and the same predicted class. Masks are made of areas, so most
// pixels only lengthen the run at hand, and the atomic additions, which are dear, are few.
struct Run {
    label: u32,
    predicted: u32,
    length: u32,
}

fn count(run: Run) {
    if run.length == 0u {
        return;
    }
    atomicAdd(&workgroup_counts[3u * run.label + 1u], run.length);
    atomicAdd(&workgroup_counts[3u * run.predicted + 2u], run.length);
    if run.predicted == run.label {
        atomicAdd(&workgroup_counts[3u * run.label], run.length);
    }
}

// Word `i` of the workgroup's counts. The totals are sums over the classes.
fn workgroup_count(i: u32) -> u32 {
    var value = 0u;
    let totals = 3u * CLASS_COUNT;
    if i < totals {
        value = atomicLoad(&workgroup_counts[i]);
    } else {
        for (var c = 0u; c < CLASS_COUNT; c++) {
            value += atomicLoad(&workgroup_counts[3u * c + i - totals]);
        }
    }
    return value;
}

@compute @workgroup_size(WORKGROUP)
fn mask(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let pixels = mask_params.extent.h * mask_params.extent.w;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let sample = workgroup.z;
    let count_length = 3u * CLASS_COUNT + 2u;

    if has(COUNT) {
        for (var i = thread; i < 3u * CLASS_COUNT; i += WORKGROUP) {
            atomicStore(&workgroup_counts[i], 0u);
        }
        workgroupBarrier();
    }

    var run = Run(0u, 0u, 0u);
    for (var j = 0u; j < PIXELS_PER_THREAD; j++) {
        let pixel = (group * PIXELS_PER_THREAD + j) * WORKGROUP + thread;
        if pixel >= pixels {
            break;
        }
        let y = pixel / mask_params.extent.w;
        let x = pixel - y * mask_params.extent.w;
        let label = labels[sample * pixels + pixel];
        let predicted = predicted_class(sample, y, x);
        if has(WRITE_SEED) {
            write_seed(sample, y, x, label, predicted);
        }
        // What is no class is "ignore".
        if has(COUNT) && label < CLASS_COUNT {
            if label != run.label || predicted != run.predicted {
                count(run);
                run = Run(label, predicted, 0u);
            }
            run.length++;
        }
    }

    if has(COUNT) {
        count(run);
        workgroupBarrier();
        let start = (sample * 2u + mask_params.parity) * count_length;
        for (var i = thread; i < count_length; i += WORKGROUP) {
            let value = workgroup_count(i);
            if value != 0u {
                atomicAdd(&counts_to_add[start + i], value);
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------------
// update: gradient, image, source and counts to multiplier, step, clip, statistics.

const STEP: u32 = 1u;
const CLIP: u32 = 2u;
const SETTLE: u32 = 4u;
const STATIC_MULTIPLIER: u32 = 8u;
const MULTIPLIER_FROM_COUNTS: u32 = 16u;
const REGION: u32 = 32u;

const ELEMENTS_PER_THREAD: u32 = 16u;

// Threads that take the first step of a reduction over a workgroup.
const REDUCED: u32 = 16u;

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
@group(0) @binding(1) var<storage, read> gradient: array<Values>;
@group(0) @binding(2) var<storage, read> source: array<Values>;
@group(0) @binding(3) var<storage, read> region: array<u32>;
@group(0) @binding(4) var<storage, read> update_classes: array<u32>;
@group(0) @binding(5) var<storage, read_write> adversarial: array<Values>;
@group(0) @binding(6) var<storage, read_write> best: array<Values>;
@group(0) @binding(7) var<storage, read_write> counts: array<u32>;
@group(0) @binding(8) var<storage, read_write> ledger: array<u32>;

// What every thread of a sample works out for itself from the counts and the state.
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

// A call that clips what another one stepped tells whether it changed anything.
const ONLY_CLIPS: bool = (FLAGS & (STEP | CLIP)) == CLIP;

var<workgroup> shared_iou: f32;
// x of the image that this call writes, y of the one that it settles.
var<workgroup> sums: array<vec2<f32>, WORKGROUP>;
var<workgroup> maxima: array<vec2<f32>, WORKGROUP>;

fn counts_start(sample: u32, parity: u32) -> u32 {
    return (sample * 2u + parity) * (3u * CLASS_COUNT + 2u);
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

// Sums `sums` and takes the largest of `maxima` over the workgroup's threads, in an order that never changes.
// The results stand at index 0, for all threads to read. Two steps of 16 take few barriers where halving
// takes eight: on a software rasteriser they are dear.
fn reduce(thread: u32) {
    workgroupBarrier();
    if thread < REDUCED {
        reduce_strided(thread, REDUCED, WORKGROUP);
    }
    workgroupBarrier();
    if thread == 0u {
        reduce_strided(0u, 1u, REDUCED);
    }
    workgroupBarrier();
}

// Reduces every `stride`-th value from `first` up to `end` to the first one.
fn reduce_strided(first: u32, stride: u32, end: u32) {
    var sum = vec2(0.0);
    var maximum = vec2(0.0);
    for (var i = first; i < end; i += stride) {
        sum += sums[i];
        maximum = max(maximum, maxima[i]);
    }
    sums[first] = sum;
    maxima[first] = maximum;
}

// One class per thread: its IoU to `sums`, whether it is averaged to `maxima`.
fn class_iou(sample: u32, c: u32) {
    let start = counts_start(sample, update_params.parity) + 3u * c;
    let both = counts[start];
    let either = counts[start + 1u] + counts[start + 2u] - both;
    let averaged = (update_classes[c] & CLASS_AVERAGED) != 0u;
    sums[c].x = select(0.0, ratio(both, either), averaged);
    maxima[c].x = select(0.0, 1.0, averaged);
}

// Mean over the averaged classes of what `class_iou` left.
fn mean_iou() -> f32 {
    var total = 0.0;
    var averaged = 0.0;
    for (var c = 0u; c < CLASS_COUNT; c++) {
        total += sums[c].x;
        averaged += maxima[c].x;
    }
    if total == averaged {
        return 1.0;
    }
    return total / averaged;
}

// All threads do this alike, outside any branch: the loads are the same for all, which hardware and software
// rasterisers make one of.
fn decide(sample: u32) -> Decision {
    let settings = sample * update_params.ledger_length;
    let state = state_start(sample, update_params.parity);
    let iteration = ledger[state + STATE_ITERATION];
    let tau = bitcast<f32>(ledger[settings + TAU]);

    let iou = shared_iou;
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
    return Decision(was_stopped, stops, new_best, iou, multiplier, next_multiplier);
}

// Word `word` of the next iteration's state.
fn next_state_word(sample: u32, word: u32, decision: Decision) -> u32 {
    let state = state_start(sample, update_params.parity);
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
        default: { return value; }
    }
}

// Word `word` of the trace's row; the whole sample's sums stand at index 0 of the workgroup's.
fn row_word(sample: u32, word: u32, iteration: u32, decision: Decision) -> u32 {
    let totals = counts_start(sample, update_params.parity) + 3u * CLASS_COUNT;
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
        let next_state = state_start(sample, 1u - update_params.parity);
        ledger[next_state + thread] = next_state_word(sample, thread, decision);
    }
    if thread < ROW_LENGTH && !decision.was_stopped && update_params.ring_rows > 0u {
        let iteration = ledger[state_start(sample, update_params.parity) + STATE_ITERATION];
        let row = partial_sums_start(sample, 2u) + (iteration % update_params.ring_rows) * ROW_LENGTH;
        ledger[row + thread] = row_word(sample, thread, iteration, decision);
    }
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

    if thread < CLASS_COUNT {
        class_iou(sample, thread);
    }
    workgroupBarrier();
    if thread == 0u {
        shared_iou = mean_iou();
    }
    workgroupBarrier();
    let decision = decide(sample);

    let steps = has(STEP) && !decision.was_stopped && decision.stops == RUNNING;
    let clips = has(CLIP) && !decision.was_stopped && (steps || !has(STEP));
    let pixels = update_params.extent.h * update_params.extent.w;
    let vectors = update_params.extent.c * pixels / VALUES;
    var squares = Values();
    var distances = Values();
    for (var j = 0u; j < ELEMENTS_PER_THREAD / VALUES; j++) {
        let vector = (group * (ELEMENTS_PER_THREAD / VALUES) + j) * WORKGROUP + thread;
        if vector >= vectors {
            break;
        }
        let place = sample * vectors + vector;
        let before = adversarial[place];
        let origin = source[place];
        var after = before;
        if steps {
            let ascent = gradient[place] + 2.0 * update_params.lambda * (origin - before);
            after += decision.multiplier * ascent;
        }
        if clips {
            after = clamp(after, Values(), Values(1.0));
        }
        if has(REGION) {
            after = select(before, after, may_change(sample * pixels + VALUES * vector % pixels));
        }
        let clipped = after != before;
        if decision.new_best {
            best[place] = select(after, before, has(STEP));
        }
        if steps || clips {
            adversarial[place] = after;
        }
        let difference = after - origin;
        squares += difference * difference;
        let marked = select(Values(), Values(1.0), clipped);
        distances = max(distances, select(abs(difference), marked, ONLY_CLIPS));
    }
    let sum = total(squares);
    let maximum = largest(distances);

    let settles = has(SETTLE) && group == 0u;
    var settled_sum = 0.0;
    var settled_maximum = 0.0;
    if settles {
        let partial_sums = partial_sums_start(sample, update_params.parity);
        for (var i = thread; i < group_count(); i += WORKGROUP) {
            settled_sum += bitcast<f32>(ledger[partial_sums + 2u * i]);
            settled_maximum = max(settled_maximum, bitcast<f32>(ledger[partial_sums + 2u * i + 1u]));
        }
    }
    sums[thread] = vec2(sum, settled_sum);
    maxima[thread] = vec2(maximum, settled_maximum);
    reduce(thread);

    if (has(STEP) || ONLY_CLIPS) && thread == 0u && group < group_count() {
        let half = select(update_params.parity, other_parity, has(SETTLE) || ONLY_CLIPS);
        let partial_sums = partial_sums_start(sample, half) + 2u * group;
        ledger[partial_sums] = bitcast<u32>(select(sums[0].x, maxima[0].x, ONLY_CLIPS));
        ledger[partial_sums + 1u] = bitcast<u32>(select(maxima[0].x, 0.0, ONLY_CLIPS));
    }
    if settles {
        settle(sample, thread, decision);
        let next_counts = counts_start(sample, other_parity);
        for (var i = thread; i < 3u * CLASS_COUNT + 2u; i += WORKGROUP) {
            counts[next_counts + i] = 0u;
        }
    }
}
