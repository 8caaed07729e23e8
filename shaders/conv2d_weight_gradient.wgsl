// One workgroup computes the partial sums of one chunk for 32 gradient channels × 32 weights of each. It walks
// the chunk's pixels in steps of 16, for which gradients and window values lie in workgroup memory; a thread
// computes 4 channels × 4 weights.
struct Params {
    input: View,
    gradient: View,
    input_extent: Extent,
    gradient_extent: Extent,
    kernel: vec2<u32>,
    stride: vec2<u32>,
    padding: vec2<u32>,
    dilation: vec2<u32>,
    groups: u32,
    rows_per_chunk: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;

const TILE: u32 = 32u;
const STEP: u32 = 16u;
// Values of a step that one of the 64 threads loads: its pixel, every fourth channel or weight.
const LOADS: u32 = 8u;

// Of each pixel of the step, in turn, the values of the tile.
var<workgroup> gradients: array<vec4<f32>, 128>;
var<workgroup> windows: array<vec4<f32>, 128>;

@compute @workgroup_size(64)
fn conv2d_weight_gradient(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    // Of the group that this workgroup computes.
    let channels = params.gradient_extent.c / params.groups;
    let ins = params.input_extent.c / params.groups;
    let taps = ins * (KERNEL_ROWS * KERNEL_COLUMNS);
    let tiles = (channels + TILE - 1u) / TILE;
    let group = workgroup.y / tiles;
    let width = params.gradient_extent.w;
    let first_tap = workgroup.x * TILE;
    let first_channel = (workgroup.y - group * tiles) * TILE;
    let first_row = workgroup.z * params.rows_per_chunk;
    let rows = min(params.rows_per_chunk, params.gradient_extent.n * params.gradient_extent.h - first_row);
    let pixels = rows * width;

    let loaded_pixel = thread % STEP;
    let loaded_vector = thread / STEP;
    let channel_vector = thread / 8u;
    let tap_vector = thread % 8u;

    var sums_0: vec4<f32>;
    var sums_1: vec4<f32>;
    var sums_2: vec4<f32>;
    var sums_3: vec4<f32>;

    for (var step = 0u; step < pixels; step += STEP) {
        let pixel = step + loaded_pixel;
        let inside = pixel < pixels;
        // Beyond the last pixel: the first one again, its gradient counted as 0.
        let valid = select(0u, pixel, inside);
        let line = first_row + valid / width;
        let x = valid % width;
        let n = line / params.gradient_extent.h;
        let y = line % params.gradient_extent.h;
        for (var half = 0u; half < LOADS / 4u; half++) {
            let vector = loaded_vector + 4u * half;
            var loaded_gradients: vec4<f32>;
            var loaded_windows: vec4<f32>;
            for (var i = 0u; i < 4u; i++) {
                let channel = first_channel + 4u * vector + i;
                if inside && channel < channels {
                    loaded_gradients[i] = gradient[at(params.gradient, n, group * channels + channel, y, x)];
                }
                let tap = first_tap + 4u * vector + i;
                let b = tap / (KERNEL_ROWS * KERNEL_COLUMNS);
                let rest = tap % (KERNEL_ROWS * KERNEL_COLUMNS);
                // Wraps to a large number outside the input.
                let ky = rest / KERNEL_COLUMNS * params.dilation.x;
                let kx = rest % KERNEL_COLUMNS * params.dilation.y;
                let row = y * params.stride.x + ky - params.padding.x;
                let column = x * params.stride.y + kx - params.padding.y;
                if tap < taps && row < params.input_extent.h && column < params.input_extent.w {
                    loaded_windows[i] = input[at(params.input, n, group * ins + b, row, column)];
                }
            }
            gradients[loaded_pixel * (TILE / 4u) + vector] = loaded_gradients;
            windows[loaded_pixel * (TILE / 4u) + vector] = loaded_windows;
        }
        workgroupBarrier();
        for (var k = 0u; k < STEP; k++) {
            let of_channels = gradients[k * (TILE / 4u) + channel_vector];
            let of_taps = windows[k * (TILE / 4u) + tap_vector];
            sums_0 = fma(vec4(of_channels.x), of_taps, sums_0);
            sums_1 = fma(vec4(of_channels.y), of_taps, sums_1);
            sums_2 = fma(vec4(of_channels.z), of_taps, sums_2);
            sums_3 = fma(vec4(of_channels.w), of_taps, sums_3);
        }
        workgroupBarrier();
    }

    let sums = array(sums_0, sums_1, sums_2, sums_3);
    for (var i = 0u; i < 4u; i++) {
        let channel = first_channel + 4u * channel_vector + i;
        for (var j = 0u; j < 4u; j++) {
            let tap = first_tap + 4u * tap_vector + j;
            if channel < channels && tap < taps {
                partials[((workgroup.z * params.groups + group) * channels + channel) * taps + tap] = sums[i][j];
            }
        }
    }
}
