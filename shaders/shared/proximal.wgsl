// How far a search for the root of the proximal step is: shared by the kernel that sums and the one that clips. Stands before
// a shader with workgroups of 256 threads that has `search`, the buffer of words, and `image_elements`, of one sample.

// As src/kernels/proximal_search.rs has them.
const THRESHOLDS: u32 = 128u;
const SEARCH_GROUP: u32 = 8192u;
const SEARCH_PASSES: u32 = 4u;
const SEARCH_HEADER: u32 = 4u;
const LEAST_BITS: u32 = 0x2f800000u;
const NONE: u32 = 0xffffffffu;

var<workgroup> search_sums: array<f32, 256>;

fn search_groups() -> u32 {
    return (image_elements() + SEARCH_GROUP - 1u) / SEARCH_GROUP;
}

// The sums of the first workgroup in a pass.
fn search_half(sample: u32, number: u32) -> u32 {
    return search_start(sample) + SEARCH_HEADER + (number % 2u) * search_groups() * THRESHOLDS;
}

fn search_start(sample: u32) -> u32 {
    return sample * (SEARCH_HEADER + 2u * search_groups() * THRESHOLDS);
}

// How many floats apart the thresholds of a pass lie, as a power of 2.
fn spacing(number: u32) -> u32 {
    return 7u * (SEARCH_PASSES - 1u - number);
}

// The float so many behind 2⁻³²; 0 for none.
fn threshold(floats: u32) -> f32 {
    return select(bitcast<f32>(LEAST_BITS + floats), 0.0, floats == 0u);
}

// What pass `number`, whose sums are complete, is narrowed down to. All threads of a workgroup do this alike.
fn narrowed(sample: u32, thread: u32, number: u32, before: u32, weight: f32) -> u32 {
    let half = search_half(sample, number);
    let place = thread % THRESHOLDS;
    var sum = 0.0;
    for (var group = thread / THRESHOLDS; group < search_groups(); group += 256u / THRESHOLDS) {
        sum += bitcast<f32>(search[half + group * THRESHOLDS + place]);
    }
    search_sums[thread] = sum;
    workgroupBarrier();
    var above = 0u;
    for (var i = 0u; i < THRESHOLDS; i++) {
        above += select(0u, 1u, search_sums[i] + search_sums[THRESHOLDS + i] > weight);
    }
    workgroupBarrier();
    if before == NONE || (number == 0u && above == 0u) {
        return NONE;
    }
    return before + ((max(above, 1u) - 1u) << spacing(number));
}

// The smallest float where f is not above the weight.
fn root(sample: u32, thread: u32, weight: f32) -> f32 {
    let last = SEARCH_PASSES - 1u;
    let before = search[search_start(sample) + last - 1u];
    let floats = narrowed(sample, thread, last, before, weight);
    return select(bitcast<f32>(LEAST_BITS + floats + 1u), 0.0, floats == NONE);
}
