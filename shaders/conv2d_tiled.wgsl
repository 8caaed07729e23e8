// One workgroup computes TILE_CHANNELS output channels of 128 consecutive output pixels. It walks the taps
// (in channel, kernel row, kernel column) in steps of 8: the weights and the pixels of a step lie in
// workgroup memory, while those of the next step are on their way from global memory into registers. Two
// buffers take turns, so that one barrier a step is enough.
//
// A thread computes TILE_CHANNELS / 8 channels of 8 pixels. What workgroup memory holds as one vector are
// the pixels p, p + 32, p + 64 and p + 96: neighbouring threads then read and write neighbouring addresses
// in global memory, one component at a time, and whole vectors in workgroup memory without bank conflicts.

@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<WeightElement>>;

const TILE_PIXELS: u32 = 128u;
const STEP: u32 = 8u;
// Vectors of weights in a tap of the tile, and in a step.
const WEIGHT_VECTORS: u32 = TILE_CHANNELS / 4u;
const WEIGHT_STEP: u32 = STEP * WEIGHT_VECTORS;
// Vectors of pixels in a tap of the tile, and in a step.
const PIXEL_VECTORS: u32 = TILE_PIXELS / 4u;
const PIXEL_STEP: u32 = STEP * PIXEL_VECTORS;

var<workgroup> weights: array<vec4<f32>, 2u * WEIGHT_STEP>;
var<workgroup> pixels: array<vec4<f32>, 2u * PIXEL_STEP>;

// Of 4 output pixels: index of the first input value of their windows, and its row and column, which wrap
// where a window begins outside the input.
struct Windows {
    start: vec4<u32>,
    row: vec4<u32>,
    column: vec4<u32>,
}

// Of 4 output pixels: index in the first channel, and which are inside the output.
struct Outputs {
    index: vec4<u32>,
    inside: vec4<bool>,
}

fn four_pixels(first: u32) -> vec4<u32> {
    return vec4(first, first + 32u, first + 64u, first + 96u);
}

fn windows(n: u32, first_pixel: u32) -> Windows {
    // Beyond the last pixel: its window again, what comes of it is not stored.
    let last = params.output_extent.h * params.output_extent.w - 1u;
    let pixel = min(four_pixels(first_pixel), vec4(last));
    let y = pixel / params.output_extent.w;
    let x = pixel - y * params.output_extent.w;
    let row = y * STRIDE_ROWS - params.padding.x;
    let column = x * STRIDE_COLUMNS - params.padding.y;
    return Windows(at(params.input, n, 0u, 0u, 0u) + row * params.input.row + column, row, column);
}

fn outputs(n: u32, first_pixel: u32) -> Outputs {
    let pixel = four_pixels(first_pixel);
    let y = pixel / params.output_extent.w;
    let x = pixel - y * params.output_extent.w;
    return Outputs(
        at(params.output, n, 0u, 0u, 0u) + y * params.output.row + x,
        pixel < vec4(params.output_extent.h * params.output_extent.w),
    );
}

fn load_pixels(windows: Windows, tap: u32, taps: u32) -> vec4<f32> {
    // Beyond the last tap: any value of the window, its weight is 0.
    let valid_tap = select(0u, tap, tap < taps);
    let channel = valid_tap / (KERNEL_ROWS * KERNEL_COLUMNS);
    let rest = valid_tap - channel * (KERNEL_ROWS * KERNEL_COLUMNS);
    let kernel_row = rest / KERNEL_COLUMNS;
    let ky = kernel_row * DILATION_ROWS;
    let kx = (rest - kernel_row * KERNEL_COLUMNS) * DILATION_COLUMNS;
    var index = windows.start + (channel * params.input.channel + ky * params.input.row + kx);
    if PADDED == 0u {
        return vec4(f32(input[index.x]), f32(input[index.y]), f32(input[index.z]), f32(input[index.w]));
    }
    let inside = (windows.row + ky < vec4(params.input_extent.h))
        & (windows.column + kx < vec4(params.input_extent.w));
    index = select(vec4(0u), index, inside);
    let values = vec4(f32(input[index.x]), f32(input[index.y]), f32(input[index.z]), f32(input[index.w]));
    return select(vec4(0.0), values, inside);
}

fn load_weights(vector: u32, tap: u32, taps: u32) -> vec4<f32> {
    let row = params.padded_out_channels / 4u;
    let inside = tap < taps && vector < row;
    return select(vec4(0.0), vec4<f32>(weight[select(0u, tap * row + vector, inside)]), inside);
}

fn store(channel: u32, outputs: Outputs, sums: vec4<f32>) {
    if channel >= params.output_extent.c {
        return;
    }
    let index = outputs.index + channel * params.output.channel;
    if outputs.inside.x { store_sum(index.x, channel, sums.x); }
    if outputs.inside.y { store_sum(index.y, channel, sums.y); }
    if outputs.inside.z { store_sum(index.z, channel, sums.z); }
    if outputs.inside.w { store_sum(index.w, channel, sums.w); }
}

@compute @workgroup_size(128)
fn conv2d(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let channel_tiles = (params.output_extent.c + TILE_CHANNELS - 1u) / TILE_CHANNELS;
    let n = workgroup.z / channel_tiles;
    let first_channel = TILE_CHANNELS * (workgroup.z % channel_tiles);
    let first_pixel = TILE_PIXELS * (workgroup.y * workgroups.x + workgroup.x);

    // What this thread loads: one vector of weights (with 32 channels, the upper half of the threads none)
    // and the same four pixels of two taps of a step.
    let loads_weights = thread < WEIGHT_STEP;
    let weight_tap = thread / WEIGHT_VECTORS;
    let weight_vector = first_channel / 4u + thread % WEIGHT_VECTORS;
    let pixel_tap = thread / PIXEL_VECTORS;
    let loaded_windows = windows(n, first_pixel + thread % PIXEL_VECTORS);

    // What it computes: a square of threads, 8 × 4, shares as many vectors as can be among 32 threads.
    let square = thread / 32u;
    let pixel_vector = 8u * (square % 2u) + thread % 8u;
    let channel_vector = 4u * (square / 2u) + (thread / 8u) % 4u;

    // sums[2 c + p]: channel c (4 and above: half a tile further on) of pixel vector p. Indexed by
    // literals alone, so that it stays in registers.
    var sums: array<vec4<f32>, 16>;

    let taps = params.input_extent.c * (KERNEL_ROWS * KERNEL_COLUMNS);
    let steps = (taps + STEP - 1u) / STEP;

    var next_weights: vec4<f32>;
    if loads_weights {
        next_weights = load_weights(weight_vector, weight_tap, taps);
        weights[thread] = next_weights;
    }
    var next_pixels_0 = load_pixels(loaded_windows, pixel_tap, taps);
    var next_pixels_1 = load_pixels(loaded_windows, pixel_tap + 4u, taps);
    pixels[thread] = next_pixels_0;
    pixels[thread + 128u] = next_pixels_1;
    workgroupBarrier();

    for (var step = 0u; step < steps; step++) {
        let more = step + 1u < steps;
        if more {
            let tap = (step + 1u) * STEP;
            if loads_weights {
                next_weights = load_weights(weight_vector, tap + weight_tap, taps);
            }
            next_pixels_0 = load_pixels(loaded_windows, tap + pixel_tap, taps);
            next_pixels_1 = load_pixels(loaded_windows, tap + pixel_tap + 4u, taps);
        }

        let buffer = step % 2u;
        let weight_base = buffer * WEIGHT_STEP + channel_vector;
        let pixel_base = buffer * PIXEL_STEP + pixel_vector;
        for (var k = 0u; k < STEP; k++) {
            let p0 = pixels[pixel_base + k * PIXEL_VECTORS];
            let p1 = pixels[pixel_base + k * PIXEL_VECTORS + 16u];
            let low = weights[weight_base + k * WEIGHT_VECTORS];
            sums[0] = fma(vec4(low.x), p0, sums[0]);
            sums[1] = fma(vec4(low.x), p1, sums[1]);
            sums[2] = fma(vec4(low.y), p0, sums[2]);
            sums[3] = fma(vec4(low.y), p1, sums[3]);
            sums[4] = fma(vec4(low.z), p0, sums[4]);
            sums[5] = fma(vec4(low.z), p1, sums[5]);
            sums[6] = fma(vec4(low.w), p0, sums[6]);
            sums[7] = fma(vec4(low.w), p1, sums[7]);
            if TILE_CHANNELS == 64u {
                let high = weights[weight_base + k * WEIGHT_VECTORS + 8u];
                sums[8] = fma(vec4(high.x), p0, sums[8]);
                sums[9] = fma(vec4(high.x), p1, sums[9]);
                sums[10] = fma(vec4(high.y), p0, sums[10]);
                sums[11] = fma(vec4(high.y), p1, sums[11]);
                sums[12] = fma(vec4(high.z), p0, sums[12]);
                sums[13] = fma(vec4(high.z), p1, sums[13]);
                sums[14] = fma(vec4(high.w), p0, sums[14]);
                sums[15] = fma(vec4(high.w), p1, sums[15]);
            }
        }

        if more {
            // The other buffer was last read before the last barrier.
            let other = 1u - buffer;
            if loads_weights {
                weights[other * WEIGHT_STEP + thread] = next_weights;
            }
            pixels[other * PIXEL_STEP + thread] = next_pixels_0;
            pixels[other * PIXEL_STEP + thread + 128u] = next_pixels_1;
        }
        workgroupBarrier();
    }

    let outputs_0 = outputs(n, first_pixel + pixel_vector);
    let outputs_1 = outputs(n, first_pixel + pixel_vector + 16u);
    let channel = first_channel + 4u * channel_vector;
    store(channel, outputs_0, sums[0]);
    store(channel, outputs_1, sums[1]);
    store(channel + 1u, outputs_0, sums[2]);
    store(channel + 1u, outputs_1, sums[3]);
    store(channel + 2u, outputs_0, sums[4]);
    store(channel + 2u, outputs_1, sums[5]);
    store(channel + 3u, outputs_0, sums[6]);
    store(channel + 3u, outputs_1, sums[7]);
    if TILE_CHANNELS == 64u {
        store(channel + 32u, outputs_0, sums[8]);
        store(channel + 32u, outputs_1, sums[9]);
        store(channel + 33u, outputs_0, sums[10]);
        store(channel + 33u, outputs_1, sums[11]);
        store(channel + 34u, outputs_0, sums[12]);
        store(channel + 34u, outputs_1, sums[13]);
        store(channel + 35u, outputs_0, sums[14]);
        store(channel + 35u, outputs_1, sums[15]);
    }
}
