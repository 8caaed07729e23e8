// One workgroup for each row.
struct Params {
    probabilities: View,
    gradient: View,
    output: View,
    extent: Extent,
    axis: u32,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> probabilities: array<ProbabilitiesElement>;
@group(0) @binding(2) var<storage, read> gradient: array<GradientElement>;
@group(0) @binding(3) var<storage, read_write> output: array<OutputElement>;

var<workgroup> results: array<f32, 64>;

@compute @workgroup_size(64)
fn softmax_adjoint(
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
    let first = at(params.probabilities, n, c, y, 0u);
    let first_gradient = at(params.gradient, n, c, y, 0u);
    var sum = 0.0;
    for (var x = thread; x < extent.w; x += 64u) {
        sum += f32(probabilities[first + x]) * f32(gradient[first_gradient + x]);
    }
    results[thread] = sum;
    workgroupBarrier();
    for (var distance = 32u; distance > 0u; distance /= 2u) {
        if thread < distance {
            results[thread] += results[thread + distance];
        }
        workgroupBarrier();
    }
    let mean = results[0];
    if !inside {
        return;
    }
    for (var x = thread; x < extent.w; x += 64u) {
        let place = at(params.output, n, c, y, x);
        var value = f32(probabilities[first + x]) * (f32(gradient[first_gradient + x]) - mean);
        if params.accumulate == 1u {
            value += f32(output[place]);
        }
        output[place] = OutputElement(value);
    }
}
