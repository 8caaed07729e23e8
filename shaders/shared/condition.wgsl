// Workgroups of the calls that run only if one of some words is not zero: as many as they take, or none.
struct Params {
    words: View,
    extent: Extent,
    first_word: u32,
    word_count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> words: array<u32>;
// Three words for each call.
@group(0) @binding(2) var<storage, read> grids: array<u32>;
@group(0) @binding(3) var<storage, read_write> arguments: array<u32>;

const WORKGROUP: u32 = 64u;

var<workgroup> holds: atomic<u32>;

@compute @workgroup_size(WORKGROUP)
fn decide(@builtin(local_invocation_index) thread: u32) {
    if thread == 0u {
        atomicStore(&holds, 0u);
    }
    workgroupBarrier();
    let extent = params.extent;
    let rows = extent.c * extent.h;
    for (var i = thread; i < extent.n * rows * extent.w; i += WORKGROUP) {
        let row = i / extent.w;
        let sample = row / rows;
        let c = row % rows / extent.h;
        if words[at(params.words, sample, c, row % extent.h, i % extent.w)] != 0u {
            atomicStore(&holds, 1u);
        }
    }
    workgroupBarrier();
    let factor = atomicLoad(&holds);
    for (var i = thread; i < params.word_count; i += WORKGROUP) {
        arguments[params.first_word + i] = factor * grids[params.first_word + i];
    }
}
