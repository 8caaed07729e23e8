// One workgroup sums one channel over one chunk of pixels.
struct Params {
    input: View,
    gradient: View,
    extent: Extent,
    mode: u32,
    pixels_per_chunk: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;

const GRADIENT: u32 = 0u;
const NEGATIVE_PRODUCT: u32 = 2u;

@compute @workgroup_size(64)
fn channel_sums(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let c = workgroup.y;
    let first = workgroup.x * params.pixels_per_chunk;
    let plane = params.extent.h * params.extent.w;
    let end = min(first + params.pixels_per_chunk, params.extent.n * plane);
    var sum = 0.0;
    for (var pixel = first + thread; pixel < end; pixel += 64u) {
        let n = pixel / plane;
        let y = (pixel % plane) / params.extent.w;
        let x = pixel % params.extent.w;
        let incoming = gradient[at(params.gradient, n, c, y, x)];
        if params.mode == GRADIENT {
            sum += incoming;
        } else {
            let value = input[at(params.input, n, c, y, x)];
            if params.mode != NEGATIVE_PRODUCT || value <= 0.0 {
                sum += value * incoming;
            }
        }
    }
    let total = sum_of_workgroup(thread, sum);
    if thread == 0u {
        partials[workgroup.x * params.extent.c + c] = total;
    }
}
