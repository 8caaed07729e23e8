// Put in front of kernels that reduce blocks of a tensor. Along each axis there are as many as `blocks` says, of one size
// but for the last, which may be smaller.
struct Block {
    first: vec4<u32>,
    size: vec4<u32>,
    elements: u32,
}

fn sizes(extent: Extent) -> vec4<u32> {
    return vec4<u32>(extent.n, extent.c, extent.h, extent.w);
}

// The place of element `index`, counted row by row, channel by channel, sample by sample.
fn place_of(all: vec4<u32>, index: u32) -> vec4<u32> {
    let row = index / all.w;
    let plane = row / all.z;
    let sample = plane / all.y;
    return vec4<u32>(sample, plane - sample * all.y, row - plane * all.z, index - row * all.w);
}

fn block_at(extent: Extent, blocks: Extent, place: vec4<u32>) -> Block {
    let all = sizes(extent);
    let step = (all - 1u) / sizes(blocks) + 1u;
    let first = place * step;
    let size = min(step, all - first);
    return Block(first, size, size.x * size.y * size.z * size.w);
}

// Where element `index` of a block stands in the tensor.
fn element_of(block: Block, index: u32) -> vec4<u32> {
    return block.first + place_of(block.size, index);
}
