// Logits and labels to the dual weights of each pixel, the gradient of the logits, the loss and the counts.
const WORKGROUP: u32 = 256u;
const PIXELS_PER_THREAD: u32 = 4u;

const TARGETED: u32 = 1u;

// ln 1e-12
const MOST_LOG_DUAL: f32 = 27.631021;

const SUMS_OF_SEEDS: u32 = 2u;

struct Params {
    logits: View,
    seed: View,
    extent: Extent,
    class_count: u32,
    flags: u32,
    parity: u32,
    ledger_length: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> ledger: array<u32>;
@group(0) @binding(4) var<storage, read_write> seed: array<f32>;
@group(0) @binding(5) var<storage, read_write> duals: array<f32>;
@group(0) @binding(6) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(7) var<storage, read_write> sums: array<f32>;

// The loss, and the dual weights of the next iteration.
var<workgroup> parts: array<vec2<f32>, WORKGROUP>;

// Sums `parts` of all threads in an order that never changes; the result stands at index 0, for all threads to read.
fn join(thread: u32) {
    workgroupBarrier();
    for (var distance = WORKGROUP / 2u; distance > 0u; distance /= 2u) {
        if thread < distance {
            parts[thread] += parts[thread + distance];
        }
        workgroupBarrier();
    }
}

@compute @workgroup_size(WORKGROUP)
fn weigh(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let pixels = params.extent.h * params.extent.w;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let sample = workgroup.z;
    let targeted = (FLAGS & TARGETED) != 0u;
    let sign = select(1.0, -1.0, targeted);
    let now = state_word(sample, params.parity, 0u);
    let iteration = ledger[now + STATE_ITERATION];
    let dual_step = bitcast<f32>(ledger[now + STATE_SCHEDULE + 3u]);
    let counted = f32(ledger[sample * params.ledger_length + COUNTED]);
    let groups = (pixels + WORKGROUP * PIXELS_PER_THREAD - 1u) / (WORKGROUP * PIXELS_PER_THREAD);

    begin_counts(thread);
    // What the iteration before left of the sum over the pixels.
    var part = vec2(0.0);
    let before = (2u * sample + 1u - params.parity) * groups;
    for (var i = thread; i < groups; i += WORKGROUP) {
        part.y += sums[(before + i) * SUMS_OF_SEEDS + 1u];
    }
    parts[thread] = part;
    join(thread);
    let total = 1.0 + parts[0].y;
    workgroupBarrier();

    var run = Run(0u, 0u, 0u);
    part = vec2(0.0);
    for (var j = 0u; j < PIXELS_PER_THREAD; j++) {
        let pixel = (group * PIXELS_PER_THREAD + j) * WORKGROUP + thread;
        if pixel >= pixels {
            break;
        }
        let y = pixel / params.extent.w;
        let x = pixel - y * params.extent.w;
        let label = labels[sample * pixels + pixel];
        if label >= CLASS_COUNT {
            for (var c = 0u; c < params.extent.c; c++) {
                seed[at(params.seed, sample, c, y, x)] = 0.0;
            }
            continue;
        }
        let ranked = ranked_classes(sample, y, x, label);
        run = continued(run, label, ranked.classes.x);
        let difference = sign * margin(ranked, label);

        let place = sample * 2u * pixels + pixel;
        var log_dual = -log(counted);
        var weight = 0.5 / counted;
        if iteration > 0u {
            log_dual = duals[place];
            weight = 0.9 * duals[place + pixels] + 0.1 * (exp(log_dual) / total);
        }
        part.x += weight * softplus(difference);
        let moved = log_dual + dual_step * (select(0.0, 1.0, difference > 0.0) - select(0.0, 1.0, difference < 0.0));
        log_dual = clamp(moved, -MOST_LOG_DUAL, MOST_LOG_DUAL);
        part.y += exp(log_dual);
        duals[place] = log_dual;
        duals[place + pixels] = weight;

        let slope = sign * weight * sigmoid(difference);
        if params.extent.c == 1u {
            seed[at(params.seed, sample, 0u, y, x)] = select(-2.0, 2.0, label == 1u) * slope;
            continue;
        }
        let rival = ranked.classes[rival_place(ranked, label)];
        for (var c = 0u; c < CLASS_COUNT; c++) {
            seed[at(params.seed, sample, c, y, x)] = select(0.0, slope, c == label) - select(0.0, slope, c == rival);
        }
    }
    count(run);
    end_counts((sample * 2u + params.parity) * COUNT_LENGTH, thread);

    parts[thread] = part;
    join(thread);
    if thread == 0u && group < groups {
        let own = ((2u * sample + params.parity) * groups + group) * SUMS_OF_SEEDS;
        sums[own] = parts[0].x;
        sums[own + 1u] = parts[0].y;
    }
}
