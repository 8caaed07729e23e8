// One workgroup for each block.
struct Params {
    input: View,
    extent: Extent,
    blocks: Extent,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read_write> positions: array<u32>;

var<workgroup> values: array<f32, 64>;
var<workgroup> indices: array<u32, 64>;

@compute @workgroup_size(64)
fn largest_position(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let all = sizes(params.blocks);
    let index = workgroup.y * workgroups.x + workgroup.x;
    let inside = index < all.x * all.y * all.z * all.w;
    let block = block_at(params.extent, params.blocks, place_of(all, select(0u, index, inside)));
    // A thread without an element of its own has the first one.
    var found = select(0u, thread, thread < block.elements);
    let first = element_of(block, found);
    var largest = f32(input[at(params.input, first.x, first.y, first.z, first.w)]);
    for (var i = thread + 64u; i < block.elements; i += 64u) {
        let p = element_of(block, i);
        let value = f32(input[at(params.input, p.x, p.y, p.z, p.w)]);
        if value > largest {
            largest = value;
            found = i;
        }
    }
    values[thread] = largest;
    indices[thread] = found;
    workgroupBarrier();
    for (var distance = 32u; distance > 0u; distance /= 2u) {
        if thread < distance {
            let other = thread + distance;
            let equal = values[other] == values[thread];
            if values[other] > values[thread] || (equal && (indices[other] < indices[thread])) {
                values[thread] = values[other];
                indices[thread] = indices[other];
            }
        }
        workgroupBarrier();
    }
    if thread == 0u && inside {
        positions[index] = indices[0];
    }
}
