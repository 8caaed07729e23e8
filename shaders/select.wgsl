// One pass of a radix selection: a histogram of the next digits of the keys that are still looked at.
const WORKGROUP: u32 = 256u;
const PIXELS_PER_THREAD: u32 = 16u;

struct Params {
    extent: Extent,
    class_count: u32,
    number: u32,
    rank_offset: u32,
    rank_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> ranks: array<u32>;
@group(0) @binding(4) var<storage, read_write> selection: array<atomic<u32>>;

var<workgroup> bins: array<atomic<u32>, SELECTION_BINS>;

fn selection_word(index: u32) -> u32 {
    return atomicLoad(&selection[index]);
}

@compute @workgroup_size(WORKGROUP)
fn narrow(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let sample = workgroup.z;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let start = sample * SELECTION_LENGTH;
    for (var i = thread; i < SELECTION_BINS; i += WORKGROUP) {
        atomicStore(&bins[i], 0u);
    }
    var left = Narrowed(0u, ranks[params.rank_offset + sample * params.rank_stride]);
    if NUMBER == 2u {
        left = Narrowed(selection_word(start + SELECTION_STATE), selection_word(start + SELECTION_STATE + 1u));
    }
    if NUMBER > 0u {
        left = narrowed(sample, thread, NUMBER - 1u, left);
    }
    workgroupBarrier();
    if group == 0u {
        // The next pass, or the next selection, finds its histogram empty.
        let next = start + ((NUMBER + 1u) % 3u) * SELECTION_BINS;
        for (var i = thread; i < SELECTION_BINS; i += WORKGROUP) {
            atomicStore(&selection[next + i], 0u);
        }
        if NUMBER > 0u && thread == 0u {
            let state = start + SELECTION_STATE + 2u * (NUMBER - 1u);
            atomicStore(&selection[state], left.prefix);
            atomicStore(&selection[state + 1u], left.rank);
        }
    }

    let pixels = params.extent.h * params.extent.w;
    let shift = digit_shift(NUMBER);
    let digits = select(SELECTION_BINS - 1u, 1023u, NUMBER == 2u);
    if left.rank > 0u {
        for (var j = 0u; j < PIXELS_PER_THREAD; j++) {
            let pixel = (group * PIXELS_PER_THREAD + j) * WORKGROUP + thread;
            if pixel >= pixels {
                break;
            }
            let place = sample * pixels + pixel;
            // What is no class is left out.
            if labels[place] < params.class_count {
                let key = key_of(values[place]);
                if NUMBER == 0u || (key >> digit_shift(max(NUMBER, 1u) - 1u)) == left.prefix {
                    atomicAdd(&bins[(key >> shift) & digits], 1u);
                }
            }
        }
    }
    workgroupBarrier();
    let histogram = start + NUMBER * SELECTION_BINS;
    for (var i = thread; i < SELECTION_BINS; i += WORKGROUP) {
        let count = atomicLoad(&bins[i]);
        if count > 0u {
            atomicAdd(&selection[histogram + i], count);
        }
    }
}
