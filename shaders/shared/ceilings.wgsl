// What a device can do at most: words copied and multiply-adds made in a second. No kernel of any program;
// `asma bench` measures the others against these.

@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> sink: array<vec4<f32>>;

const WORKGROUP: u32 = 256u;

fn place(workgroup: vec3<u32>, workgroups: vec3<u32>, thread: u32) -> u32 {
    return (workgroup.y * workgroups.x + workgroup.x) * WORKGROUP + thread;
}

@compute @workgroup_size(WORKGROUP)
fn copy(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let index = place(workgroup, workgroups, thread);
    if index < arrayLength(&sink) {
        sink[index] = source[index];
    }
}

const ROUNDS: u32 = 128u;

// Eight sums of four that do not wait for each other: 64 operations in a round. Factors come from memory, so that no
// compiler can do without the work.
@compute @workgroup_size(WORKGROUP)
fn multiply_add(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let index = place(workgroup, workgroups, thread) % arrayLength(&sink);
    let factor = source[0];
    let first = source[index];
    var a = first;
    var b = first + 1.0;
    var c = first + 2.0;
    var d = first + 3.0;
    var e = first + 4.0;
    var f = first + 5.0;
    var g = first + 6.0;
    var h = first + 7.0;
    for (var round = 0u; round < ROUNDS; round++) {
        a = fma(a, factor, first);
        b = fma(b, factor, first);
        c = fma(c, factor, first);
        d = fma(d, factor, first);
        e = fma(e, factor, first);
        f = fma(f, factor, first);
        g = fma(g, factor, first);
        h = fma(h, factor, first);
    }
    sink[index] = a + b + c + d + e + f + g + h;
}
