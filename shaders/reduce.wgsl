// One thread for each block.
@compute @workgroup_size(64)
fn reduce(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.output_extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let block_place = vec4<u32>(p.n, p.c, p.y, p.x);
    let block = block_at(params.extent, params.output_extent, block_place);
    let end = block.first + block.size;
    var result = 0.0;
    if FUNCTION == LARGEST {
        result = term_at(block.first);
    }
    for (var n = block.first.x; n < end.x; n++) {
        for (var c = block.first.y; c < end.y; c++) {
            for (var y = block.first.z; y < end.z; y++) {
                for (var x = block.first.w; x < end.w; x++) {
                    result = together(result, term_at(vec4<u32>(n, c, y, x)));
                }
            }
        }
    }
    write_result(block_place, result);
}
