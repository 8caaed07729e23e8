struct Params {
    reference: View,
    gradient: View,
    output: View,
    extent: Extent,
    in_place: u32,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> reference: array<ReferenceElement>;
@group(0) @binding(2) var<storage, read> slopes: array<f32>;
@group(0) @binding(3) var<storage, read> gradient: array<GradientElement>;
@group(0) @binding(4) var<storage, read_write> output: array<OutputElement>;

@compute @workgroup_size(64)
fn slope_adjoint(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let place = at(params.output, p.n, p.c, p.y, p.x);
    var incoming: f32;
    if params.in_place == 1u {
        incoming = f32(output[place]);
    } else {
        incoming = f32(gradient[at(params.gradient, p.n, p.c, p.y, p.x)]);
    }
    let positive = f32(reference[at(params.reference, p.n, p.c, p.y, p.x)]) > 0.0;
    var outgoing = select(slopes[p.c] * incoming, incoming, positive);
    if params.accumulate == 1u {
        outgoing += f32(output[place]);
    }
    output[place] = OutputElement(outgoing);
}
