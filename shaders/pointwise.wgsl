struct Params {
    input: View,
    output: View,
    extent: Extent,
    function: u32,
    a: f32,
    b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read_write> output: array<OutputElement>;

@compute @workgroup_size(64)
fn pointwise(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let value = f32(input[at(params.input, p.n, p.c, p.y, p.x)]);
    output[at(params.output, p.n, p.c, p.y, p.x)] = OutputElement(function_value(value, params.a, params.b));
}
