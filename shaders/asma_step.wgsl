// All that an ASMA iteration does besides the network: `mask` before the network's backward pass and
// `update` after it, each one pass over memory.
//
// FLAGS (of the entry point that is used) and CLASS_COUNT are constants that the prelude brings: what the
// flags leave out is not compiled, loops over classes have a known end. `update` reads and writes images as Values, of
// VALUES numbers each, which shared/asma_scalars.wgsl or shared/asma_vectors.wgsl brings, and decides by
// shared/asma_ledger.wgsl.

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
const CAPPED: u32 = 64u;
const HOLD: u32 = 128u;
const REFINE: u32 = 256u;

// Of a number that is infinite or none.
const NOT_FINITE_EXPONENT: u32 = 0x7f800000u;

const ELEMENTS_PER_THREAD: u32 = 16u;

// Threads that take the first step of a reduction over a workgroup.
const REDUCED: u32 = 16u;

struct UpdateParams {
    extent: Extent,
    class_count: u32,
    flags: u32,
    parity: u32,
    lambda: f32,
    ring_rows: u32,
    ledger_length: u32,
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

// A call that clips what another one stepped tells whether it changed anything.
const ONLY_CLIPS: bool = (FLAGS & (STEP | CLIP)) == CLIP;

// x of the image that this call writes, y of the one that it settles.
var<workgroup> sums: array<vec2<f32>, WORKGROUP>;
var<workgroup> maxima: array<vec2<f32>, WORKGROUP>;

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

// A thread's part of the partial sums that are settled: of the squares, and the largest distance.
fn settled_sums(sample: u32, thread: u32) -> vec2<f32> {
    let partial_sums = partial_sums_start(sample, update_params.parity);
    var result = vec2(0.0);
    for (var i = thread; i < group_count(); i += WORKGROUP) {
        result.x += bitcast<f32>(ledger[partial_sums + 2u * i]);
        result.y = max(result.y, bitcast<f32>(ledger[partial_sums + 2u * i + 1u]));
    }
    return result;
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

    // What holds asks every workgroup how far the image is; else only the first one writes it down.
    let settles = has(SETTLE) && (group == 0u || has(HOLD));
    var settled = vec2(0.0);
    if settles {
        settled = settled_sums(sample, thread);
    }
    var l2 = 0.0;
    if has(HOLD) {
        sums[thread] = vec2(0.0, settled.x);
        reduce(thread);
        l2 = sqrt(sums[0].y);
        workgroupBarrier();
    }

    if thread < CLASS_COUNT {
        class_iou(sample, thread);
    }
    workgroupBarrier();
    if thread == 0u {
        shared_iou = mean_iou();
    }
    workgroupBarrier();
    let decision = decide(sample, l2);

    let steps = has(STEP) && !decision.was_stopped && decision.stops == RUNNING && !decision.taken_back;
    let goes_back = decision.taken_back && decision.stops == RUNNING;
    let clips = has(CLIP) && !decision.was_stopped && (steps || !has(STEP));
    var cap = 0.0;
    if has(CAPPED) {
        cap = bitcast<f32>(ledger[sample * update_params.ledger_length + CAP]);
    }
    let pixels = update_params.extent.h * update_params.extent.w;
    let vectors = update_params.extent.c * pixels / VALUES;
    var squares = Values();
    var distances = Values();
    var seen = Words();
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
            let slope = gradient[place];
            let ascent = slope + 2.0 * update_params.lambda * (origin - before);
            after += decision.multiplier * ascent;
            if has(HOLD) {
                after += decision.pull * (origin - before);
            }
            // Looked at before anything clips it: what a device makes of the clip of no number is its own affair.
            seen = max(seen, max(exponents(slope), exponents(after)));
            if has(CAPPED) {
                after = clamp(after, origin - cap, origin + cap);
            }
        }
        if has(HOLD) && goes_back {
            after = 0.5 * (before + best[place]);
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
        if steps || clips || goes_back {
            adversarial[place] = after;
        }
        let difference = after - origin;
        squares += difference * difference;
        let marked = select(Values(), Values(1.0), clipped);
        distances = max(distances, select(abs(difference), marked, ONLY_CLIPS));
    }
    let sum = total(squares);
    let maximum = largest(distances);

    if steps && largest_word(seen) == NOT_FINITE_EXPONENT {
        note_not_finite(sample);
    }

    sums[thread] = vec2(sum, settled.x);
    maxima[thread] = vec2(maximum, settled.y);
    reduce(thread);

    if (has(STEP) || ONLY_CLIPS) && thread == 0u && group < group_count() {
        let half = select(update_params.parity, other_parity, has(SETTLE) || ONLY_CLIPS);
        let partial_sums = partial_sums_start(sample, half) + 2u * group;
        ledger[partial_sums] = bitcast<u32>(select(sums[0].x, maxima[0].x, ONLY_CLIPS));
        ledger[partial_sums + 1u] = bitcast<u32>(select(maxima[0].x, 0.0, ONLY_CLIPS));
    }
    if has(SETTLE) && group == 0u {
        settle(sample, thread, decision);
        let next_counts = counts_start(sample, other_parity);
        for (var i = thread; i < 3u * CLASS_COUNT + 2u; i += WORKGROUP) {
            counts[next_counts + i] = 0u;
        }
    }
}
