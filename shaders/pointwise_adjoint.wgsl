struct Params {
    input: View,
    gradient: View,
    output: View,
    extent: Extent,
    function: u32,
    a: f32,
    b: f32,
    in_place: u32,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> gradient: array<GradientElement>;
@group(0) @binding(3) var<storage, read_write> output: array<OutputElement>;

@compute @workgroup_size(64)
fn pointwise_adjoint(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let value = f32(input[at(params.input, p.n, p.c, p.y, p.x)]);
    let place = at(params.output, p.n, p.c, p.y, p.x);
    var incoming: f32;
    if params.in_place == 1u {
        incoming = f32(output[place]);
    } else {
        incoming = f32(gradient[at(params.gradient, p.n, p.c, p.y, p.x)]);
    }
    var outgoing = function_slope(value, params.a, params.b) * incoming;
    if params.accumulate == 1u {
        outgoing += f32(output[place]);
    }
    output[place] = OutputElement(outgoing);
}
