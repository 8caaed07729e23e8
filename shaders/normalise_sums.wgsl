// One workgroup for each part.
struct Params {
    input: View,
    gradient: View,
    extent: Extent,
    parts: Extent,
    blocks: Extent,
    per_column: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read> coefficients: array<f32>;
@group(0) @binding(4) var<storage, read> gradient: array<GradientElement>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(64)
fn normalise_sums(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let all = sizes(params.parts);
    let index = workgroup.y * workgroups.x + workgroup.x;
    let inside = index < all.x * all.y * all.z * all.w;
    let part = block_at(params.extent, params.parts, place_of(all, select(0u, index, inside)));
    let block = 2u * block_of(params.extent, params.blocks, part.first);
    let mean = moments[block];
    var sum = 0.0;
    var products = 0.0;
    for (var i = thread; i < part.elements; i += 64u) {
        let p = element_of(part, i);
        let scale = coefficients[2u * select(p.y, p.w, params.per_column == 1u)];
        let h = scale * f32(gradient[at(params.gradient, p.x, p.y, p.z, p.w)]);
        sum += h;
        products += h * (f32(input[at(params.input, p.x, p.y, p.z, p.w)]) - mean);
    }
    let total = sum_of_workgroup(thread, sum);
    let total_products = sum_of_workgroup(thread, products);
    if thread == 0u && inside {
        sums[2u * index] = total;
        sums[2u * index + 1u] = moments[block + 1u] * total_products;
    }
}
