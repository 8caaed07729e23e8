struct Params {
    values: View,
    gradient: View,
    output: View,
    extent: Extent,
    alpha: f32,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<ValuesElement>;
@group(0) @binding(2) var<storage, read> gradient: array<GradientElement>;
@group(0) @binding(3) var<storage, read_write> output: array<OutputElement>;

@compute @workgroup_size(64)
fn elu_adjoint(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let value = f32(values[at(params.values, p.n, p.c, p.y, p.x)]);
    let slope = select(value + params.alpha, 1.0, value > 0.0);
    let place = at(params.output, p.n, p.c, p.y, p.x);
    var result = slope * f32(gradient[at(params.gradient, p.n, p.c, p.y, p.x)]);
    if params.accumulate == 1u {
        result += f32(output[place]);
    }
    output[place] = OutputElement(result);
}
