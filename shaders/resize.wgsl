struct Params {
    input: View,
    output: View,
    input_extent: Extent,
    output_extent: Extent,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(3) var<storage, read_write> output: array<OutputElement>;

@compute @workgroup_size(64)
fn resize(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.output_extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let rows = source(p.y, params.input_extent.h);
    let columns = source(params.output_extent.h + p.x, params.input_extent.w);
    let left = mix(
        f32(input[at(params.input, p.n, p.c, rows.first, columns.first)]),
        f32(input[at(params.input, p.n, p.c, rows.second, columns.first)]),
        rows.weight,
    );
    let right = mix(
        f32(input[at(params.input, p.n, p.c, rows.first, columns.second)]),
        f32(input[at(params.input, p.n, p.c, rows.second, columns.second)]),
        rows.weight,
    );
    output[at(params.output, p.n, p.c, p.y, p.x)] = OutputElement(mix(left, right, columns.weight));
}
