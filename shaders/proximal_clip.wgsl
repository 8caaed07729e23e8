// Clips the point of a proximal step to the root that was found and to the box, and moves the image.
const WORKGROUP: u32 = 256u;
const ELEMENTS_PER_THREAD: u32 = 16u;

const KEEP: u32 = 1u;
const CLIP: u32 = 2u;
const ROUNDS: u32 = 4u;

const LEAST_MOVE: f32 = 1e-2;
const FIRST_ROUND: u32 = 8u;

struct Params {
    extent: Extent,
    flags: u32,
    parity: u32,
    round: u32,
    ledger_length: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> anchor: array<f32>;
@group(0) @binding(3) var<storage, read> metric: array<f32>;
@group(0) @binding(4) var<storage, read_write> image: array<f32>;
@group(0) @binding(5) var<storage, read_write> point: array<f32>;
@group(0) @binding(6) var<storage, read_write> best: array<f32>;
@group(0) @binding(7) var<storage, read_write> search: array<u32>;
@group(0) @binding(8) var<storage, read_write> ledger: array<u32>;

// Σ (x − source)², the largest |x − source|, and of a round the squared lengths of the move and of what it led to.
var<workgroup> parts: array<vec4<f32>, WORKGROUP>;

fn has(flag: u32) -> bool {
    return (FLAGS & flag) != 0u;
}

fn image_elements() -> u32 {
    return params.extent.c * params.extent.h * params.extent.w;
}

// The moves of a round, two words for each workgroup.
fn moves_start(sample: u32, round: u32) -> u32 {
    return search_end(sample) + (round % 2u) * 2u * clip_groups();
}

fn joined(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    return vec4(a.x + b.x, max(a.y, b.y), a.z + b.z, a.w + b.w);
}

// Joins `parts` of all threads in an order that never changes; the result stands at index 0, for all threads to read.
fn join(thread: u32) {
    workgroupBarrier();
    if thread < 16u {
        var all = vec4(0.0);
        for (var i = thread; i < WORKGROUP; i += 16u) {
            all = joined(all, parts[i]);
        }
        parts[thread] = all;
    }
    workgroupBarrier();
    if thread == 0u {
        var all = vec4(0.0);
        for (var i = 0u; i < 16u; i++) {
            all = joined(all, parts[i]);
        }
        parts[0] = all;
    }
    workgroupBarrier();
}

// Whether this round is gone through: the one before was, and moved by enough.
fn goes_on(sample: u32, thread: u32) -> bool {
    var all = vec4(0.0);
    let moves = moves_start(sample, max(ROUND, 1u) - 1u);
    for (var i = thread; i < clip_groups(); i += WORKGROUP) {
        all += vec4(0.0, 0.0, bitcast<f32>(search[moves + 2u * i]), bitcast<f32>(search[moves + 2u * i + 1u]));
    }
    parts[thread] = all;
    join(thread);
    let lengths = parts[0].zw;
    workgroupBarrier();
    let went = search[search_start(sample) + FIRST_ROUND + max(ROUND, 1u) - 1u] == 1u;
    return went && lengths.x > LEAST_MOVE * LEAST_MOVE * lengths.y;
}

@compute @workgroup_size(WORKGROUP)
fn clip(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let sample = workgroup.z;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let settled = 1u - params.parity;
    let keeps = has(KEEP) && ledger[state_word(sample, settled, STATE_NEW_BEST)] == 1u;
    var moves = ledger[state_word(sample, settled, STATE_STOPPED)] == RUNNING;
    var bound = 0.0;
    if has(CLIP) {
        let weight = bitcast<f32>(ledger[state_word(sample, settled, STATE_STEP)]);
        bound = root(sample, thread, weight);
    }
    if has(ROUNDS) && ROUND > 0u {
        moves = goes_on(sample, thread) && moves;
    }
    let largest = bitcast<f32>(ledger[state_word(sample, settled, STATE_METRIC)]);

    let elements = image_elements();
    var all = vec4(0.0);
    for (var j = 0u; j < ELEMENTS_PER_THREAD; j++) {
        let element = (group * ELEMENTS_PER_THREAD + j) * WORKGROUP + thread;
        if element >= elements {
            break;
        }
        let place = sample * elements + element;
        let before = image[place];
        if has(KEEP) && keeps {
            best[place] = before;
        }
        if has(CLIP) {
            let origin = source[place];
            var after = before;
            if moves {
                // The first round begins at the anchor.
                var moved = 0.0;
                if has(ROUNDS) && ROUND == 0u {
                    moved = anchor[place];
                } else {
                    moved = point[place];
                }
                after = clamp(origin + clamp(moved, -bound, bound), 0.0, 1.0);
                image[place] = after;
            }
            let perturbation = after - origin;
            all = joined(all, vec4(perturbation * perturbation, abs(perturbation), 0.0, 0.0));
            if has(ROUNDS) {
                let fixed = anchor[place];
                let last = select(before - origin, fixed, ROUND == 0u);
                let move_ = perturbation - last;
                all += vec4(0.0, 0.0, move_ * move_, perturbation * perturbation);
                if moves {
                    point[place] = perturbation - metric[place] / largest * (perturbation - fixed);
                }
            }
        }
    }
    if has(CLIP) {
        parts[thread] = all;
        join(thread);
        if thread == 0u && group < distance_groups() {
            let distances = distances_start(sample, settled) + 2u * group;
            ledger[distances] = bitcast<u32>(parts[0].x);
            ledger[distances + 1u] = bitcast<u32>(parts[0].y);
            if has(ROUNDS) {
                let move_lengths = moves_start(sample, ROUND) + 2u * group;
                search[move_lengths] = bitcast<u32>(parts[0].z);
                search[move_lengths + 1u] = bitcast<u32>(parts[0].w);
            }
        }
        if has(ROUNDS) && thread == 0u && group == 0u {
            search[search_start(sample) + FIRST_ROUND + ROUND] = select(0u, 1u, moves);
        }
    }
}
