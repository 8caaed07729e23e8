struct Params {
    extent: Extent,
    parts: Extent,
    blocks: Extent,
    epsilon: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> moments: array<f32>;

fn index_in(all: vec4<u32>, p: vec4<u32>) -> u32 {
    return ((p.x * all.y + p.y) * all.z + p.z) * all.w + p.w;
}

@compute @workgroup_size(64)
fn combine_moments(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.blocks, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let place = vec4<u32>(p.n, p.c, p.y, p.x);
    let block = block_at(params.parts, params.blocks, place);
    let origin = partial[2u * index_in(sizes(params.parts), block.first)];
    var count = 0.0;
    var sum = 0.0;
    for (var i = 0u; i < block.elements; i++) {
        let part = element_of(block, i);
        let elements = f32(block_at(params.extent, params.parts, part).elements);
        count += elements;
        sum += elements * (partial[2u * index_in(sizes(params.parts), part)] - origin);
    }
    let mean = origin + sum / count;
    var squares = 0.0;
    for (var i = 0u; i < block.elements; i++) {
        let part = element_of(block, i);
        let elements = f32(block_at(params.extent, params.parts, part).elements);
        let index = 2u * index_in(sizes(params.parts), part);
        let distance = partial[index] - mean;
        squares += partial[index + 1u] + elements * distance * distance;
    }
    let index = 2u * index_in(sizes(params.blocks), place);
    moments[index] = mean;
    moments[index + 1u] = 1.0 / sqrt(squares / count + params.epsilon);
}
