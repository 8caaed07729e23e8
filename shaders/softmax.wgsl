struct Params {
    input: View,
    output: View,
    extent: Extent,
    axis: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read_write> output: array<OutputElement>;

// Where element k of the line at a position stands.
fn on_line(view: View, p: Position, k: u32) -> u32 {
    var place = vec4<u32>(p.n, p.c, p.y, p.x);
    place[AXIS] = k;
    return at(view, place.x, place.y, place.z, place.w);
}

@compute @workgroup_size(64)
fn softmax(
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
    var largest = f32(input[on_line(params.input, p, 0u)]);
    for (var k = 1u; k < length; k++) {
        largest = max(largest, f32(input[on_line(params.input, p, k)]));
    }
    var sum = 0.0;
    for (var k = 0u; k < length; k++) {
        sum += exp(f32(input[on_line(params.input, p, k)]) - largest);
    }
    for (var k = 0u; k < length; k++) {
        let probability = exp(f32(input[on_line(params.input, p, k)]) - largest) / sum;
        output[on_line(params.output, p, k)] = OutputElement(probability);
    }
}
