// What a step reads off counts and ledger whatever its rule is: statistics, and how they are summed over workgroups. Stands
// before a kernel with the bindings `params`, `settings`, `counts` and `ledger`; where words stand is laid out in
// `src/kernels/ledger.rs`, and constants here.

// Of a number that is infinite or none.
const NOT_FINITE_EXPONENT: u32 = 0x7f800000u;

const ELEMENTS_PER_THREAD: u32 = 16u;

// Threads that take the first step of a reduction over a workgroup.
const REDUCED: u32 = 16u;

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
    let partial_sums = partial_sums_start(sample, params.parity);
    var result = vec2(0.0);
    for (var i = thread; i < group_count(); i += WORKGROUP) {
        result.x += bitcast<f32>(ledger[partial_sums + 2u * i]);
        result.y = max(result.y, bitcast<f32>(ledger[partial_sums + 2u * i + 1u]));
    }
    return result;
}

var<workgroup> shared_iou: f32;

fn counts_start(sample: u32, parity: u32) -> u32 {
    return (sample * 2u + parity) * params.counts_length;
}

fn state_start(sample: u32, parity: u32) -> u32 {
    return sample * params.ledger_length + STATE + parity * STATE_LENGTH;
}

// Workgroups of a sample that have elements.
fn group_count() -> u32 {
    let extent = params.extent;
    let elements = WORKGROUP * ELEMENTS_PER_THREAD;
    return (extent.c * extent.h * extent.w + elements - 1u) / elements;
}

fn partial_sums_start(sample: u32, parity: u32) -> u32 {
    return sample * params.ledger_length + HEADER + parity * 2u * group_count();
}

// Exactly 1 where part and whole are equal (and where both are 0): a device may round a division.
fn ratio(part: u32, whole: u32) -> f32 {
    if part == whole {
        return 1.0;
    }
    return f32(part) / f32(whole);
}

// One class per thread: its IoU to `sums`, whether it is averaged to `maxima`. A class in neither target nor prediction
// is not.
fn class_iou(sample: u32, c: u32) {
    let start = counts_start(sample, params.parity) + 3u * c;
    let both = counts[start];
    let either = counts[start + 1u] + counts[start + 2u] - both;
    let averaged = (settings[c] & CLASS_AVERAGED) != 0u && either > 0u;
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

// Leaves word in the ledger that this iteration's step met a number that is none, or infinite. Workgroups that do so write
// the same.
fn note_not_finite(sample: u32) {
    let word = sample * params.ledger_length + NOT_FINITE;
    if ledger[word] == 0u {
        ledger[word] = ledger[state_start(sample, params.parity) + STATE_ITERATION] + 1u;
    }
}
