// One thread computes 8 output channels of a block of 4 × 4 pixels, all sums in registers: 128
// multiply-adds per tap for 8 weights and 16 pixels. No workgroup memory, so no barriers, which software
// rasterisers emulate dearly.
struct Params {
    input: View,
    output: View,
    input_extent: Extent,
    output_extent: Extent,
    kernel: vec2<u32>,
    stride: vec2<u32>,
    padding: vec2<u32>,
    padded_out_channels: u32,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> epilogue: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

// Input columns under the windows of 4 neighbouring pixels.
const STRIP: u32 = 3u * STRIDE_COLUMNS + KERNEL_COLUMNS;

// Sums of 4 channels of 4 pixels, a column per pixel.
fn add_products(sums: ptr<function, mat4x4<f32>>, weights: vec4<f32>, pixels: vec4<f32>) {
    (*sums)[0] = fma(weights, vec4(pixels.x), (*sums)[0]);
    (*sums)[1] = fma(weights, vec4(pixels.y), (*sums)[1]);
    (*sums)[2] = fma(weights, vec4(pixels.z), (*sums)[2]);
    (*sums)[3] = fma(weights, vec4(pixels.w), (*sums)[3]);
}

// The columns may begin left of the input: unsigned arithmetic wraps, and a column that does not lie in
// the input is recognised by being too large.
fn load_strip(row_start: u32, row: u32, first_column: u32) -> array<f32, STRIP> {
    var strip: array<f32, STRIP>;
    let row_inside = row < params.input_extent.h;
    for (var i = 0u; i < STRIP; i++) {
        let column = first_column + i;
        let inside = row_inside && column < params.input_extent.w;
        strip[i] = select(0.0, input[select(0u, row_start + column, inside)], inside);
    }
    return strip;
}

fn four(strip: array<f32, STRIP>, column: u32) -> vec4<f32> {
    return vec4(
        strip[column],
        strip[column + STRIDE_COLUMNS],
        strip[column + 2u * STRIDE_COLUMNS],
        strip[column + 3u * STRIDE_COLUMNS],
    );
}

fn store_pixel(n: u32, channel: u32, y: u32, x: u32, sums: vec4<f32>) {
    if x >= params.output_extent.w {
        return;
    }
    store(n, channel, y, x, sums.x);
    store(n, channel + 1u, y, x, sums.y);
    store(n, channel + 2u, y, x, sums.z);
    store(n, channel + 3u, y, x, sums.w);
}

fn store(n: u32, channel: u32, y: u32, x: u32, sum: f32) {
    if channel >= params.output_extent.c {
        return;
    }
    let bias_slope = epilogue[channel];
    let biased = sum + bias_slope.x;
    var value = select(biased * bias_slope.y, biased, biased >= 0.0);
    let index = at(params.output, n, channel, y, x);
    if params.accumulate == 1u {
        value += output[index];
    }
    output[index] = value;
}

fn store_row(n: u32, channel: u32, y: u32, x: u32, low: mat4x4<f32>, high: mat4x4<f32>) {
    if y >= params.output_extent.h {
        return;
    }
    store_pixel(n, channel, y, x, low[0]);
    store_pixel(n, channel, y, x + 1u, low[1]);
    store_pixel(n, channel, y, x + 2u, low[2]);
    store_pixel(n, channel, y, x + 3u, low[3]);
    store_pixel(n, channel + 4u, y, x, high[0]);
    store_pixel(n, channel + 4u, y, x + 1u, high[1]);
    store_pixel(n, channel + 4u, y, x + 2u, high[2]);
    store_pixel(n, channel + 4u, y, x + 3u, high[3]);
}

@compute @workgroup_size(64)
fn conv2d(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let block = (workgroup.y * workgroups.x + workgroup.x) * 64u + thread;
    let blocks_across = (params.output_extent.w + 3u) / 4u;
    let y = 4u * (block / blocks_across);
    let x = 4u * (block % blocks_across);
    if y >= params.output_extent.h {
        return;
    }
    let channel_blocks = params.padded_out_channels / 8u;
    let n = workgroup.z / channel_blocks;
    let channel_block = workgroup.z % channel_blocks;

    // Channels 0–3 and 4–7 of each of the 4 rows.
    var low_0: mat4x4<f32>;
    var low_1: mat4x4<f32>;
    var low_2: mat4x4<f32>;
    var low_3: mat4x4<f32>;
    var high_0: mat4x4<f32>;
    var high_1: mat4x4<f32>;
    var high_2: mat4x4<f32>;
    var high_3: mat4x4<f32>;

    let first_row = y * STRIDE_ROWS - params.padding.x;
    let first_column = x * STRIDE_COLUMNS - params.padding.y;
    let row_step = STRIDE_ROWS * params.input.row;
    let weight_step = params.padded_out_channels / 4u;
    var tap = 2u * channel_block;
    for (var i = 0u; i < params.input_extent.c; i++) {
        for (var ky = 0u; ky < KERNEL_ROWS; ky++) {
            let row = first_row + ky;
            let row_start = at(params.input, n, i, row, 0u);
            let strip_0 = load_strip(row_start, row, first_column);
            let strip_1 = load_strip(row_start + row_step, row + STRIDE_ROWS, first_column);
            let strip_2 = load_strip(row_start + 2u * row_step, row + 2u * STRIDE_ROWS, first_column);
            let strip_3 = load_strip(row_start + 3u * row_step, row + 3u * STRIDE_ROWS, first_column);
            for (var kx = 0u; kx < KERNEL_COLUMNS; kx++) {
                let low = weight[tap];
                let high = weight[tap + 1u];
                tap += weight_step;
                let pixels_0 = four(strip_0, kx);
                let pixels_1 = four(strip_1, kx);
                let pixels_2 = four(strip_2, kx);
                let pixels_3 = four(strip_3, kx);
                add_products(&low_0, low, pixels_0);
                add_products(&low_1, low, pixels_1);
                add_products(&low_2, low, pixels_2);
                add_products(&low_3, low, pixels_3);
                add_products(&high_0, high, pixels_0);
                add_products(&high_1, high, pixels_1);
                add_products(&high_2, high, pixels_2);
                add_products(&high_3, high, pixels_3);
            }
        }
    }

    let channel = 8u * channel_block;
    store_row(n, channel, y, x, low_0, high_0);
    store_row(n, channel, y + 1u, x, low_1, high_1);
    store_row(n, channel, y + 2u, x, low_2, high_2);
    store_row(n, channel, y + 3u, x, low_3, high_3);
}
