struct Params {
    output: View,
    extent: Extent,
    value: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<OutputElement>;

@compute @workgroup_size(64)
fn fill(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    output[at(params.output, p.n, p.c, p.y, p.x)] = OutputElement(params.value);
}
