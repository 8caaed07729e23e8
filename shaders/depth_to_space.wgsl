struct Params {
    input: View,
    output: View,
    input_extent: Extent,
    output_extent: Extent,
    block: u32,
    order: u32,
    back: u32,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read_write> output: array<OutputElement>;

const DEPTH_FIRST: u32 = 0u;

// Where in the deep tensor the place (c, y, x) of a wide one of `channels` channels stands.
fn deep_place(channels: u32, c: u32, y: u32, x: u32) -> vec3<u32> {
    let b = params.block;
    let row = y % b;
    let column = x % b;
    let channel = select((c * b + row) * b + column, (row * b + column) * channels + c, params.order == DEPTH_FIRST);
    return vec3(channel, y / b, x / b);
}

// Where in the wide tensor of `channels` channels the place (c, y, x) of the deep one stands.
fn wide_place(channels: u32, c: u32, y: u32, x: u32) -> vec3<u32> {
    let b = params.block;
    // The channel, and the place in its block.
    let parts = select(vec2(c / (b * b), c % (b * b)), vec2(c % channels, c / channels), params.order == DEPTH_FIRST);
    return vec3(parts.x, y * b + parts.y / b, x * b + parts.y % b);
}

@compute @workgroup_size(64)
fn depth_to_space(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.output_extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    var place: vec3<u32>;
    if params.back == 1u {
        place = wide_place(params.input_extent.c, p.c, p.y, p.x);
    } else {
        place = deep_place(params.output_extent.c, p.c, p.y, p.x);
    }
    var value = f32(input[at(params.input, p.n, place.x, place.y, place.z)]);
    let index = at(params.output, p.n, p.c, p.y, p.x);
    if params.accumulate == 1u {
        value += f32(output[index]);
    }
    output[index] = OutputElement(value);
}
