struct Params {
    input: View,
    output: View,
    extent: Extent,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read_write> output: array<OutputElement>;

@compute @workgroup_size(64)
fn sigmoid(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let logit = f32(input[at(params.input, p.n, p.c, p.y, p.x)]);
    let small = exp(-abs(logit));
    output[at(params.output, p.n, p.c, p.y, p.x)] = OutputElement(select(small, 1.0, logit >= 0.0) / (1.0 + small));
}
