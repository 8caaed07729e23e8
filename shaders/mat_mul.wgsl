// One thread for each element of the product.
@compute @workgroup_size(64)
fn mat_mul(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let all = summed();
    var sum = 0.0;
    for (var n = 0u; n < all.x; n++) {
        for (var c = 0u; c < all.y; c++) {
            for (var k = 0u; k < depth(); k++) {
                sum += left_at(p.n + n, p.c + c, p.y, k) * right_at(p.n + n, p.c + c, k, p.x);
            }
        }
    }
    write_sum(p.n, p.c, p.y, p.x, sum);
}
