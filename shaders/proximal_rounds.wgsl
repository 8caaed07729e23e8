// One call of the search for the bounds of the rounds of a proximal step: f at the thresholds, each workgroup of its elements.
const WORKGROUP: u32 = 256u;
const ELEMENTS_PER_THREAD: u32 = 16u;

// Thresholds are looked at four at a time.
const QUADS: u32 = ROUND_THRESHOLDS / 4u;

struct Params {
    extent: Extent,
    parity: u32,
    number: u32,
    ledger_length: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> anchor: array<f32>;
@group(0) @binding(2) var<storage, read> metric: array<f32>;
@group(0) @binding(3) var<storage, read> ledger: array<u32>;
@group(0) @binding(4) var<storage, read_write> rounds: array<f32>;

var<workgroup> parts: array<vec4<f32>, WORKGROUP>;

// Sums what all threads have in an order that never changes, for all of them. All threads must come here.
fn sum_of_workgroup(thread: u32, own: vec4<f32>) -> vec4<f32> {
    parts[thread] = own;
    workgroupBarrier();
    if thread < 16u {
        var all = vec4(0.0);
        for (var i = thread; i < WORKGROUP; i += 16u) {
            all += parts[i];
        }
        parts[thread] = all;
    }
    workgroupBarrier();
    var all = vec4(0.0);
    for (var i = 0u; i < 16u; i++) {
        all += parts[i];
    }
    workgroupBarrier();
    return all;
}

@compute @workgroup_size(WORKGROUP)
fn search_round(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let sample = workgroup.z;
    let group = workgroup.y * workgroups.x + workgroup.x;
    var progress = progress_of(sample, thread);
    if group == 0u && thread == 0u {
        let own = slot(sample, NUMBER);
        rounds[own] = progress.low;
        rounds[own + 1u] = progress.high;
        rounds[own + 2u] = select(0.0, 1.0, progress.goes);
        rounds[own + 3u] = select(0.0, progress.bounds[max(ROUND, 1u) - 1u], ROUND > 0u && PASS == 0u);
    }

    var thresholds: array<vec4<f32>, QUADS>;
    for (var quad = 0u; quad < QUADS; quad++) {
        for (var i = 0u; i < 4u; i++) {
            thresholds[quad][i] = round_threshold(progress.low, progress.high, 4u * quad + i, PASS == 0u);
        }
    }
    let scale = 1.0 / bitcast<f32>(settled_word(sample, STATE_METRIC));
    let elements = params.extent.c * params.extent.h * params.extent.w;
    var sums: array<vec4<f32>, QUADS>;
    // What the round before moved z by, and what that led to, squared.
    var moves = vec2(0.0);
    if progress.goes {
        for (var j = 0u; j < ELEMENTS_PER_THREAD; j++) {
            let element = (group * ELEMENTS_PER_THREAD + j) * WORKGROUP + thread;
            if element >= elements {
                break;
            }
            let fixed = abs(anchor[sample * elements + element]);
            var z = fixed;
            var v = fixed;
            if ROUND > 0u {
                let factor = metric[sample * elements + element] * scale;
                for (var round = 0u; round < ROUND; round++) {
                    let next = min(v, progress.bounds[round]);
                    if PASS == 0u && round + 1u == ROUND {
                        moves += vec2((next - z) * (next - z), next * next);
                    }
                    z = next;
                    v = z + factor * (fixed - z);
                }
            }
            for (var quad = 0u; quad < QUADS; quad++) {
                sums[quad] += max(vec4(v) - thresholds[quad], vec4(0.0));
            }
        }
    }
    let writes = thread == 0u && group < distance_groups() && progress.goes;
    let own = sums_start(sample, NUMBER) + group * SUMS;
    for (var quad = 0u; quad < QUADS; quad++) {
        let all = sum_of_workgroup(thread, sums[quad]) / f32(elements);
        if writes {
            for (var i = 0u; i < 4u; i++) {
                rounds[own + 4u * quad + i] = all[i];
            }
        }
    }
    let all = sum_of_workgroup(thread, vec4(moves, 0.0, 0.0)) / f32(elements);
    if writes {
        rounds[own + ROUND_THRESHOLDS] = all.x;
        rounds[own + ROUND_THRESHOLDS + 1u] = all.y;
    }
}
