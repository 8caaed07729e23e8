struct Params {
    probabilities: View,
    gradient: View,
    output: View,
    extent: Extent,
    axis: u32,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> probabilities: array<ProbabilitiesElement>;
@group(0) @binding(2) var<storage, read> gradient: array<GradientElement>;
@group(0) @binding(3) var<storage, read_write> output: array<OutputElement>;

// Where element k of the line at a position stands.
fn on_line(view: View, p: Position, k: u32) -> u32 {
    var place = vec4<u32>(p.n, p.c, p.y, p.x);
    place[AXIS] = k;
    return at(view, place.x, place.y, place.z, place.w);
}

@compute @workgroup_size(64)
fn softmax_adjoint(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    var lines = vec4<u32>(params.extent.n, params.extent.c, params.extent.h, params.extent.w);
    let length = lines[AXIS];
    lines[AXIS] = 1u;
    let p = position(Extent(lines.x, lines.y, lines.z, lines.w), workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    var mean = 0.0;
    for (var k = 0u; k < length; k++) {
        mean += f32(probabilities[on_line(params.probabilities, p, k)]) * f32(gradient[on_line(params.gradient, p, k)]);
    }
    for (var k = 0u; k < length; k++) {
        let place = on_line(params.output, p, k);
        var value = f32(probabilities[on_line(params.probabilities, p, k)])
            * (f32(gradient[on_line(params.gradient, p, k)]) - mean);
        if params.accumulate == 1u {
            value += f32(output[place]);
        }
        output[place] = OutputElement(value);
    }
}
