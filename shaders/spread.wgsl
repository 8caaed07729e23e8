struct Params {
    input: View,
    output: View,
    input_extent: Extent,
    extent: Extent,
    scale: f32,
    chosen: u32,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> positions: array<u32>;
@group(0) @binding(3) var<storage, read_write> output: array<OutputElement>;

// Whether an element is the one of its block that has the number.
fn is_chosen(p: vec4<u32>, source: vec4<u32>) -> bool {
    let blocks = sizes(params.input_extent);
    let index = ((source.x * blocks.y + source.y) * blocks.z + source.z) * blocks.w + source.w;
    let block = block_at(params.extent, params.input_extent, source);
    let inside = p - block.first;
    return positions[index]
        == ((inside.x * block.size.y + inside.y) * block.size.z + inside.z) * block.size.w + inside.w;
}

@compute @workgroup_size(64)
fn spread(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let place = at(params.output, p.n, p.c, p.y, p.x);
    let own = vec4<u32>(p.n, p.c, p.y, p.x);
    let source = min(own, sizes(params.input_extent) - 1u);
    var value = params.scale * f32(input[at(params.input, source.x, source.y, source.z, source.w)]);
    if params.chosen == 1u && !is_chosen(own, source) {
        value = 0.0;
    }
    if params.accumulate == 1u {
        value += f32(output[place]);
    }
    output[place] = OutputElement(value);
}
