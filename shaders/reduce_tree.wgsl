// One workgroup for each block.
var<workgroup> results: array<f32, 64>;

@compute @workgroup_size(64)
fn reduce(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let all = sizes(params.output_extent);
    let index = workgroup.y * workgroups.x + workgroup.x;
    let inside = index < all.x * all.y * all.z * all.w;
    let block_place = place_of(all, select(0u, index, inside));
    let block = block_at(params.extent, params.output_extent, block_place);
    var result = 0.0;
    if FUNCTION == LARGEST {
        result = term_at(block.first);
    }
    for (var i = thread; i < block.elements; i += 64u) {
        result = together(result, term_at(element_of(block, i)));
    }
    results[thread] = result;
    workgroupBarrier();
    for (var distance = 32u; distance > 0u; distance /= 2u) {
        if thread < distance {
            results[thread] = together(results[thread], results[thread + distance]);
        }
        workgroupBarrier();
    }
    if thread == 0u && inside {
        write_result(block_place, results[0]);
    }
}
