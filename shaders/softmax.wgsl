struct Params {
    input: View,
    output: View,
    extent: Extent,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read_write> output: array<OutputElement>;

@compute @workgroup_size(64)
fn softmax(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(Extent(params.extent.n, 1u, params.extent.h, params.extent.w), workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    var largest = f32(input[at(params.input, p.n, 0u, p.y, p.x)]);
    for (var c = 1u; c < params.extent.c; c++) {
        largest = max(largest, f32(input[at(params.input, p.n, c, p.y, p.x)]));
    }
    var sum = 0.0;
    for (var c = 0u; c < params.extent.c; c++) {
        sum += exp(f32(input[at(params.input, p.n, c, p.y, p.x)]) - largest);
    }
    for (var c = 0u; c < params.extent.c; c++) {
        let probability = exp(f32(input[at(params.input, p.n, c, p.y, p.x)]) - largest) / sum;
        output[at(params.output, p.n, c, p.y, p.x)] = OutputElement(probability);
    }
}
