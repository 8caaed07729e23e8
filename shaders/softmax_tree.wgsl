// One workgroup for each row.
struct Params {
    input: View,
    output: View,
    extent: Extent,
    axis: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read_write> output: array<OutputElement>;

var<workgroup> results: array<f32, 64>;

@compute @workgroup_size(64)
fn softmax(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let extent = params.extent;
    let index = workgroup.y * workgroups.x + workgroup.x;
    let inside = index < extent.n * extent.c * extent.h;
    let row = select(0u, index, inside);
    let n = row / (extent.c * extent.h);
    let c = row / extent.h % extent.c;
    let y = row % extent.h;
    let first = at(params.input, n, c, y, 0u);
    var largest = f32(input[first]);
    for (var x = thread; x < extent.w; x += 64u) {
        largest = max(largest, f32(input[first + x]));
    }
    results[thread] = largest;
    workgroupBarrier();
    for (var distance = 32u; distance > 0u; distance /= 2u) {
        if thread < distance {
            results[thread] = max(results[thread], results[thread + distance]);
        }
        workgroupBarrier();
    }
    largest = results[0];
    workgroupBarrier();
    var sum = 0.0;
    for (var x = thread; x < extent.w; x += 64u) {
        sum += exp(f32(input[first + x]) - largest);
    }
    results[thread] = sum;
    workgroupBarrier();
    for (var distance = 32u; distance > 0u; distance /= 2u) {
        if thread < distance {
            results[thread] += results[thread + distance];
        }
        workgroupBarrier();
    }
    let total = results[0];
    if !inside {
        return;
    }
    for (var x = thread; x < extent.w; x += 64u) {
        let probability = exp(f32(input[first + x]) - largest) / total;
        output[at(params.output, n, c, y, x)] = OutputElement(probability);
    }
}
