// Clips the point of a proximal step to what was found, and moves the image.
const WORKGROUP: u32 = 256u;
const ELEMENTS_PER_THREAD: u32 = 16u;

const KEEP: u32 = 1u;
const CLIP: u32 = 2u;
const ROUNDS: u32 = 4u;

struct Params {
    extent: Extent,
    flags: u32,
    parity: u32,
    ledger_length: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read> point: array<f32>;
@group(0) @binding(3) var<storage, read> metric: array<f32>;
@group(0) @binding(4) var<storage, read> search: array<u32>;
@group(0) @binding(5) var<storage, read> rounds: array<f32>;
@group(0) @binding(6) var<storage, read_write> image: array<f32>;
@group(0) @binding(7) var<storage, read_write> best: array<f32>;
@group(0) @binding(8) var<storage, read_write> ledger: array<u32>;

// Σ (x − source)², the largest |x − source|.
var<workgroup> parts: array<vec2<f32>, WORKGROUP>;

fn has(flag: u32) -> bool {
    return (FLAGS & flag) != 0u;
}

fn image_elements() -> u32 {
    return params.extent.c * params.extent.h * params.extent.w;
}

fn joined(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
    return vec2(a.x + b.x, max(a.y, b.y));
}

// Joins `parts` of all threads in an order that never changes; the result stands at index 0, for all threads to read.
fn join(thread: u32) {
    workgroupBarrier();
    if thread < 16u {
        var all = vec2(0.0);
        for (var i = thread; i < WORKGROUP; i += 16u) {
            all = joined(all, parts[i]);
        }
        parts[thread] = all;
    }
    workgroupBarrier();
    if thread == 0u {
        var all = vec2(0.0);
        for (var i = 0u; i < 16u; i++) {
            all = joined(all, parts[i]);
        }
        parts[0] = all;
    }
    workgroupBarrier();
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
    let moves = ledger[state_word(sample, settled, STATE_STOPPED)] == RUNNING;
    var bound = 0.0;
    var progress = Progress();
    if has(ROUNDS) {
        progress = progress_of(sample, thread);
    } else if has(CLIP) {
        let weight = bitcast<f32>(ledger[state_word(sample, settled, STATE_STEP)]);
        bound = root(sample, thread, weight);
    }
    let scale = 1.0 / bitcast<f32>(ledger[state_word(sample, settled, STATE_METRIC)]);

    let elements = image_elements();
    var all = vec2(0.0);
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
                let from_ = point[place];
                var perturbation = 0.0;
                if has(ROUNDS) {
                    let z = followed(abs(from_), metric[place] * scale, progress);
                    perturbation = select(z, -z, from_ < 0.0);
                } else {
                    perturbation = clamp(from_, -bound, bound);
                }
                after = clamp(origin + perturbation, 0.0, 1.0);
                image[place] = after;
            }
            let distance = after - origin;
            all = joined(all, vec2(distance * distance, abs(distance)));
        }
    }
    if has(CLIP) {
        parts[thread] = all;
        join(thread);
        if thread == 0u && group < distance_groups() {
            let distances = distances_start(sample, settled) + 2u * group;
            ledger[distances] = bitcast<u32>(parts[0].x);
            ledger[distances + 1u] = bitcast<u32>(parts[0].y);
        }
    }
}
