// The second half of an ASMA iteration: gradient, image, source and counts to multiplier, step, clip, statistics, in one pass
// over memory. Reads and writes images as Values, of VALUES numbers each, which shared/scalars.wgsl or shared/vectors.wgsl
// brings, and decides by shared/asma_ledger.wgsl.

const STEP: u32 = 1u;
const CLIP: u32 = 2u;
const SETTLE: u32 = 4u;
const STATIC_MULTIPLIER: u32 = 8u;
const MULTIPLIER_FROM_COUNTS: u32 = 16u;
const REGION: u32 = 32u;
const CAPPED: u32 = 64u;
const HOLD: u32 = 128u;
const REFINE: u32 = 256u;

struct Params {
    extent: Extent,
    class_count: u32,
    flags: u32,
    parity: u32,
    lambda: f32,
    ring_rows: u32,
    ledger_length: u32,
    counts_length: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<Values>;
@group(0) @binding(2) var<storage, read> source: array<Values>;
@group(0) @binding(3) var<storage, read> region: array<u32>;
@group(0) @binding(4) var<storage, read> settings: array<u32>;
@group(0) @binding(5) var<storage, read_write> adversarial: array<Values>;
@group(0) @binding(6) var<storage, read_write> best: array<Values>;
@group(0) @binding(7) var<storage, read_write> counts: array<u32>;
@group(0) @binding(8) var<storage, read_write> ledger: array<u32>;

// A call that clips what another one stepped tells whether it changed anything.
const ONLY_CLIPS: bool = (FLAGS & (STEP | CLIP)) == CLIP;

@compute @workgroup_size(WORKGROUP)
fn update(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let sample = workgroup.z;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let other_parity = 1u - params.parity;

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
        cap = bitcast<f32>(ledger[sample * params.ledger_length + CAP]);
    }
    let pixels = params.extent.h * params.extent.w;
    let vectors = params.extent.c * pixels / VALUES;
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
            let ascent = slope + 2.0 * params.lambda * (origin - before);
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
        let half = select(params.parity, other_parity, has(SETTLE) || ONLY_CLIPS);
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
