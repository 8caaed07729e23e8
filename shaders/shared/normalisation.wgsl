// Put in front of kernels that normalise by the moments of blocks.

// The number of the block that an element lies in.
fn block_of(extent: Extent, blocks: Extent, p: vec4<u32>) -> u32 {
    let all = sizes(blocks);
    let block = p / ((sizes(extent) - 1u) / all + 1u);
    return ((block.x * all.y + block.y) * all.z + block.z) * all.w + block.w;
}
