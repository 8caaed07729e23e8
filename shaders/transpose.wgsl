struct Params {
    input: View,
    output: View,
    input_extent: Extent,
    extent: Extent,
    outer_axes: vec2<u32>,
    inner_axes: vec2<u32>,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read_write> output: array<OutputElement>;

@compute @workgroup_size(64)
fn transpose_axes(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    var source: vec4<u32>;
    source[AXIS_N] = p.n;
    source[AXIS_C] = p.c;
    source[AXIS_H] = p.y;
    source[AXIS_W] = p.x;
    var value = f32(input[at(params.input, source.x, source.y, source.z, source.w)]);
    let place = at(params.output, p.n, p.c, p.y, p.x);
    if params.accumulate == 1u {
        value += f32(output[place]);
    }
    output[place] = OutputElement(value);
}
