struct Params {
    input: View,
    output: View,
    extent: Extent,
    blocks: Extent,
    per_column: u32,
    activated: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read> coefficients: array<f32>;
@group(0) @binding(4) var<storage, read> slopes: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<OutputElement>;

@compute @workgroup_size(64)
fn normalise(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let block = 2u * block_of(params.extent, params.blocks, vec4<u32>(p.n, p.c, p.y, p.x));
    let pair = 2u * select(p.c, p.x, params.per_column == 1u);
    let distance = f32(input[at(params.input, p.n, p.c, p.y, p.x)]) - moments[block];
    var value = distance * (moments[block + 1u] * coefficients[pair]) + coefficients[pair + 1u];
    if params.activated == 1u && value < 0.0 {
        value *= slopes[p.c];
    }
    output[at(params.output, p.n, p.c, p.y, p.x)] = OutputElement(value);
}
