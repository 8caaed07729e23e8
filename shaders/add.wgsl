struct Params {
    left: View,
    right: View,
    output: View,
    extent: Extent,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> left: array<LeftElement>;
@group(0) @binding(2) var<storage, read> right: array<RightElement>;
@group(0) @binding(3) var<storage, read_write> output: array<OutputElement>;

@compute @workgroup_size(64)
fn add(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let sum = f32(left[at(params.left, p.n, p.c, p.y, p.x)]) + f32(right[at(params.right, p.n, p.c, p.y, p.x)]);
    output[at(params.output, p.n, p.c, p.y, p.x)] = OutputElement(sum);
}
