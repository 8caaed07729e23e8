// Put in front of kernels that add up in workgroups of 64 threads.

var<workgroup> terms: array<f32, 64>;

// The sum of all threads' terms, for thread 0, in an order that never changes. All threads must come here.
fn sum_of_workgroup(thread: u32, term: f32) -> f32 {
    terms[thread] = term;
    workgroupBarrier();
    for (var distance = 32u; distance > 0u; distance /= 2u) {
        if thread < distance {
            terms[thread] += terms[thread + distance];
        }
        workgroupBarrier();
    }
    let sum = terms[0];
    workgroupBarrier();
    return sum;
}
