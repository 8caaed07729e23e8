// One thread for each block.
struct Params {
    input: View,
    extent: Extent,
    blocks: Extent,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read_write> positions: array<u32>;

@compute @workgroup_size(64)
fn largest_position(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.blocks, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let block = block_at(params.extent, params.blocks, vec4<u32>(p.n, p.c, p.y, p.x));
    let end = block.first + block.size;
    var largest = f32(input[at(params.input, block.first.x, block.first.y, block.first.z, block.first.w)]);
    var found = 0u;
    var index = 0u;
    for (var n = block.first.x; n < end.x; n++) {
        for (var c = block.first.y; c < end.y; c++) {
            for (var y = block.first.z; y < end.z; y++) {
                for (var x = block.first.w; x < end.w; x++) {
                    let value = f32(input[at(params.input, n, c, y, x)]);
                    if value > largest {
                        largest = value;
                        found = index;
                    }
                    index++;
                }
            }
        }
    }
    let blocks = params.blocks;
    positions[((p.n * blocks.c + p.c) * blocks.h + p.y) * blocks.w + p.x] = found;
}
