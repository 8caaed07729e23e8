struct Params {
    input: View,
    gradient: View,
    output: View,
    extent: Extent,
    blocks: Extent,
    per_column: u32,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read> coefficients: array<f32>;
@group(0) @binding(4) var<storage, read> gradient: array<GradientElement>;
@group(0) @binding(5) var<storage, read> sums: array<f32>;
@group(0) @binding(6) var<storage, read_write> output: array<OutputElement>;

@compute @workgroup_size(64)
fn normalise_adjoint(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let block = 2u * block_of(params.extent, params.blocks, vec4<u32>(p.n, p.c, p.y, p.x));
    let size = (sizes(params.extent) - 1u) / sizes(params.blocks) + 1u;
    let count = f32(size.x * size.y * size.z * size.w);
    let inverse = moments[block + 1u];
    let normal = (f32(input[at(params.input, p.n, p.c, p.y, p.x)]) - moments[block]) * inverse;
    let scale = coefficients[2u * select(p.c, p.x, params.per_column == 1u)];
    let h = scale * f32(gradient[at(params.gradient, p.n, p.c, p.y, p.x)]);
    var value = inverse * (h - sums[block] / count - normal * (sums[block + 1u] / count));
    let place = at(params.output, p.n, p.c, p.y, p.x);
    if params.accumulate == 1u {
        value += f32(output[place]);
    }
    output[place] = OutputElement(value);
}
