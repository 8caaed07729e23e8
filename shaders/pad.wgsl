struct Params {
    input: View,
    output: View,
    input_extent: Extent,
    output_extent: Extent,
    top: u32,
    left: u32,
    mode: u32,
    value: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read_write> output: array<OutputElement>;

@compute @workgroup_size(64)
fn pad(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.output_extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let y = shown(p.y, params.top, params.input_extent.h);
    let x = shown(p.x, params.left, params.input_extent.w);
    var value = params.value;
    if y < params.input_extent.h && x < params.input_extent.w {
        value = f32(input[at(params.input, p.n, p.c, y, x)]);
    }
    output[at(params.output, p.n, p.c, p.y, p.x)] = OutputElement(value);
}
