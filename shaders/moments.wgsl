// One workgroup for each block.
struct Params {
    input: View,
    extent: Extent,
    blocks: Extent,
    epsilon: f32,
    finish: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read_write> moments: array<f32>;

fn value_at(p: vec4<u32>) -> f32 {
    return f32(input[at(params.input, p.x, p.y, p.z, p.w)]);
}

@compute @workgroup_size(64)
fn block_moments(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let all = sizes(params.blocks);
    let index = workgroup.y * workgroups.x + workgroup.x;
    let inside = index < all.x * all.y * all.z * all.w;
    let block = block_at(params.extent, params.blocks, place_of(all, select(0u, index, inside)));
    let count = f32(block.elements);
    // Off the first element, so that the sum keeps its digits where the mean is large.
    let origin = value_at(block.first);
    var sum = 0.0;
    for (var i = thread; i < block.elements; i += 64u) {
        sum += value_at(element_of(block, i)) - origin;
    }
    let mean = origin + sum_of_workgroup(thread, sum) / count;
    var squares = 0.0;
    for (var i = thread; i < block.elements; i += 64u) {
        let distance = value_at(element_of(block, i)) - mean;
        squares += distance * distance;
    }
    let total = sum_of_workgroup(thread, squares);
    if thread == 0u && inside {
        moments[2u * index] = mean;
        moments[2u * index + 1u] = select(total, 1.0 / sqrt(total / count + params.epsilon), params.finish == 1u);
    }
}
