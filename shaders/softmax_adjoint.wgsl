struct Params {
    probabilities: View,
    gradient: View,
    output: View,
    extent: Extent,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> probabilities: array<ProbabilitiesElement>;
@group(0) @binding(2) var<storage, read> gradient: array<GradientElement>;
@group(0) @binding(3) var<storage, read_write> output: array<OutputElement>;

@compute @workgroup_size(64)
fn softmax_adjoint(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(Extent(params.extent.n, 1u, params.extent.h, params.extent.w), workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    var mean = 0.0;
    for (var c = 0u; c < params.extent.c; c++) {
        mean += f32(probabilities[at(params.probabilities, p.n, c, p.y, p.x)])
            * f32(gradient[at(params.gradient, p.n, c, p.y, p.x)]);
    }
    for (var c = 0u; c < params.extent.c; c++) {
        let place = at(params.output, p.n, c, p.y, p.x);
        var value = f32(probabilities[at(params.probabilities, p.n, c, p.y, p.x)])
            * (f32(gradient[at(params.gradient, p.n, c, p.y, p.x)]) - mean);
        if params.accumulate == 1u {
            value += f32(output[place]);
        }
        output[place] = OutputElement(value);
    }
}
