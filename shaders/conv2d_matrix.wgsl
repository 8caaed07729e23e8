// The implicit matrix product on the device's matrix units, which multiply float16 and add up float32. TILE, the side of
// their matrices, SUBGROUP, BLOCK_CHANNELS and the types Left, Right and Sums come with the prelude.
//
// One workgroup computes BLOCK_CHANNELS output channels of BLOCK_PIXELS consecutive output pixels, each subgroup of it a
// square of 2 × 2 tiles. It walks the kernel's rows and columns and, at each, the input channels in steps of 16: where
// the pixels' windows lie is then worked out once a step. Weights and pixels of a step lie in workgroup memory, while
// those of the next step are on their way into registers; two buffers take turns, so that one barrier a step is enough.
//
// With SPLIT, each float32 is carried as two float16, a = high + low / 2048 (Ootomo and Yokota, "Recovering single
// precision accuracy from Tensor Cores while surpassing the FP32 theoretical peak performance", 2022): the low half holds
// the next 11 bits, scaled so that fewer of them are subnormal numbers. high · high is summed apart from the two mixed
// products, and low · low, beyond the last bit, left out. Matrix units may cut off where float32 rounds, so what they sum
// is one step, and the sums over all steps are added outside of them. Inputs and weights from 65520 on in size
// give no finite result, and below about 2⁻¹⁴ they have fewer bits the smaller they are, down to none below 2⁻³⁶.

@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<WeightElement>>;

const WORKGROUP: u32 = 128u;
const STEP: u32 = 16u;
const BLOCK_PIXELS: u32 = 4096u / BLOCK_CHANNELS;
const SCALE: f32 = 2048.0;

// Rows of 16 bytes more than they need, so that neighbouring rows begin in different banks.
const WEIGHT_ROW: u32 = BLOCK_CHANNELS + 8u;
const PIXEL_ROW: u32 = BLOCK_PIXELS + 8u;
// Where the low halves of a buffer begin, and the next buffer.
const LOW_WEIGHTS: u32 = STEP * WEIGHT_ROW;
const LOW_PIXELS: u32 = STEP * PIXEL_ROW;
const WEIGHT_BUFFER: u32 = (1u + SPLIT) * LOW_WEIGHTS;
const PIXEL_BUFFER: u32 = (1u + SPLIT) * LOW_PIXELS;

const PIXELS_START: u32 = 2u * WEIGHT_BUFFER;

// [buffer][half][input channel][output channel], then the same of pixels.
var<workgroup> staged: array<f16, PIXELS_START + 2u * PIXEL_BUFFER>;
// A tile of sums of each subgroup.
var<workgroup> results: array<f32, WORKGROUP / SUBGROUP * TILE * TILE>;

// Vectors of weights of one input channel in the block, and how many a thread loads in a step.
const WEIGHT_VECTORS: u32 = BLOCK_CHANNELS / 4u;
const WEIGHT_LOADS: u32 = STEP * WEIGHT_VECTORS / WORKGROUP;
// Input channels between two values that a thread loads.
const CHANNELS_APART: u32 = WORKGROUP / BLOCK_PIXELS;

alias Weights = vec4<WeightElement>;
alias Pixels = vec4<InputElement>;

// What a thread loads in a step. With BLOCK_PIXELS 64, only half of the pixels; with 128, half of the weights.
struct Loaded {
    weights_0: Weights,
    weights_1: Weights,
    pixels_0: Pixels,
    pixels_1: Pixels,
    pixels_2: Pixels,
    pixels_3: Pixels,
}

// Of one output pixel: where its window begins, in row and column, which wrap where that is outside the input.
struct Window {
    start: u32,
    row: u32,
    column: u32,
}

// A place in the kernel, and the first of the input channels of a step.
struct Place {
    ky: u32,
    kx: u32,
    channel: u32,
}

fn place_of(step: u32, channel_steps: u32) -> Place {
    let position = step / channel_steps;
    let ky = position / KERNEL_COLUMNS;
    return Place(ky, position - ky * KERNEL_COLUMNS, STEP * (step - position * channel_steps));
}

fn load_weights(number: u32, place: Place, first_channel: u32) -> Weights {
    let channel = place.channel + number / WEIGHT_VECTORS;
    let vector = first_channel / 4u + number % WEIGHT_VECTORS;
    let row = params.padded_out_channels / 4u;
    let inside = channel < params.input_extent.c && vector < row;
    let tap = (channel * KERNEL_ROWS + place.ky) * KERNEL_COLUMNS + place.kx;
    return select(Weights(), weight[select(0u, tap * row + vector, inside)], inside);
}

// Of one pixel, the values of four input channels from `channel` on. Beyond the last channel: the last one again, its
// weight is 0.
fn load_pixels(start: u32, inside: bool, channel: u32) -> Pixels {
    let channels = vec4(channel) + CHANNELS_APART * vec4(0u, 1u, 2u, 3u);
    let last = vec4(params.input_extent.c - 1u);
    let index = select(vec4(0u), start + min(channels, last) * params.input.channel, vec4(inside));
    let values = Pixels(input[index.x], input[index.y], input[index.z], input[index.w]);
    return select(Pixels(), values, vec4(inside));
}

fn load(window: Window, place: Place, thread: u32, first_channel: u32) -> Loaded {
    let ky = place.ky * DILATION_ROWS;
    let kx = place.kx * DILATION_COLUMNS;
    let row = window.row + ky;
    let column = window.column + kx;
    let inside = row < params.input_extent.h && column < params.input_extent.w;
    let start = window.start + ky * params.input.row + kx;
    let channel = place.channel + thread / BLOCK_PIXELS;
    var loaded: Loaded;
    loaded.weights_0 = load_weights(thread, place, first_channel);
    if WEIGHT_LOADS == 2u {
        loaded.weights_1 = load_weights(thread + WORKGROUP, place, first_channel);
    }
    loaded.pixels_0 = load_pixels(start, inside, channel);
    loaded.pixels_1 = load_pixels(start, inside, channel + 4u * CHANNELS_APART);
    if BLOCK_PIXELS == 128u {
        loaded.pixels_2 = load_pixels(start, inside, channel + 8u);
        loaded.pixels_3 = load_pixels(start, inside, channel + 12u);
    }
    return loaded;
}

// What float16 can hold of values, in float32: them rounded to 11 bits, or below the normal numbers to multiples of
// 2⁻²⁴. By their bits, since compilers may take a conversion to float16 and back for none.
fn high_parts(values: vec4<f32>) -> vec4<f32> {
    let rounded = bitcast<vec4<f32>>((bitcast<vec4<u32>>(values) + 0x1000u) & vec4(0xffffe000u));
    let subnormal = round(values * 0x1p24) * 0x1p-24;
    return select(subnormal, rounded, abs(values) >= vec4(0x1p-14));
}

fn stage_halves(index: u32, apart: u32, values: vec4<f16>) {
    staged[index] = values.x;
    staged[index + apart] = values.y;
    staged[index + 2u * apart] = values.z;
    staged[index + 3u * apart] = values.w;
}

// The low halves go `low` further on.
fn stage_split(index: u32, apart: u32, low: u32, values: vec4<f32>) {
    let high = high_parts(values);
    stage_halves(index, apart, vec4<f16>(high));
    stage_halves(index + low, apart, vec4<f16>((values - high) * SCALE));
}

fn stage_weights(number: u32, buffer: u32, values: Weights) {
    let row = number / WEIGHT_VECTORS;
    let index = buffer * WEIGHT_BUFFER + row * WEIGHT_ROW + 4u * (number - row * WEIGHT_VECTORS);
    if SPLIT == 1u {
        stage_split(index, 1u, LOW_WEIGHTS, vec4<f32>(values));
    } else {
        stage_halves(index, 1u, vec4<f16>(values));
    }
}

fn stage_pixels(index: u32, values: Pixels) {
    if SPLIT == 1u {
        stage_split(index, CHANNELS_APART * PIXEL_ROW, LOW_PIXELS, vec4<f32>(values));
    } else {
        stage_halves(index, CHANNELS_APART * PIXEL_ROW, vec4<f16>(values));
    }
}

fn stage(thread: u32, buffer: u32, loaded: Loaded) {
    stage_weights(thread, buffer, loaded.weights_0);
    if WEIGHT_LOADS == 2u {
        stage_weights(thread + WORKGROUP, buffer, loaded.weights_1);
    }
    let row = thread / BLOCK_PIXELS;
    let index = PIXELS_START + buffer * PIXEL_BUFFER + row * PIXEL_ROW + (thread - row * BLOCK_PIXELS);
    stage_pixels(index, loaded.pixels_0);
    stage_pixels(index + 4u * CHANNELS_APART * PIXEL_ROW, loaded.pixels_1);
    if BLOCK_PIXELS == 128u {
        stage_pixels(index + 8u * PIXEL_ROW, loaded.pixels_2);
        stage_pixels(index + 12u * PIXEL_ROW, loaded.pixels_3);
    }
}

// Stores the part of a subgroup's tile that lies in the output, from `results`.
fn store_tile(n: u32, channel: u32, pixel: u32, subgroup: u32, lane: u32) {
    let count = params.output_extent.h * params.output_extent.w;
    for (var element = lane; element < TILE * TILE; element += SUBGROUP) {
        let row = element / TILE;
        let p = pixel + element % TILE;
        let c = channel + row;
        if c < params.output_extent.c && p < count {
            let y = p / params.output_extent.w;
            let index = at(params.output, n, c, y, p - y * params.output_extent.w);
            store_sum(index, c, results[subgroup * TILE * TILE + element]);
        }
    }
}

@compute @workgroup_size(WORKGROUP)
fn conv2d(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let channel_blocks = (params.output_extent.c + BLOCK_CHANNELS - 1u) / BLOCK_CHANNELS;
    let n = workgroup.z / channel_blocks;
    let first_channel = BLOCK_CHANNELS * (workgroup.z % channel_blocks);
    let first_pixel = BLOCK_PIXELS * (workgroup.y * workgroups.x + workgroup.x);

    // The pixel that this thread loads values of; beyond the last one, that one again.
    let last = params.output_extent.h * params.output_extent.w - 1u;
    let pixel = min(first_pixel + thread % BLOCK_PIXELS, last);
    let y = pixel / params.output_extent.w;
    let row = y * STRIDE_ROWS - params.padding.x;
    let column = (pixel - y * params.output_extent.w) * STRIDE_COLUMNS - params.padding.y;
    let start = at(params.input, n, 0u, 0u, 0u) + row * params.input.row + column;
    let window = Window(start, row, column);

    // The square of this subgroup.
    let across = BLOCK_PIXELS / (2u * TILE);
    let square_channel = 2u * TILE * (subgroup / across);
    let square_pixel = 2u * TILE * (subgroup % across);

    var sums_00 = Sums();
    var sums_01 = Sums();
    var sums_10 = Sums();
    var sums_11 = Sums();
    // Of the mixed products, SCALE times as large.
    var mixed_00 = Sums();
    var mixed_01 = Sums();
    var mixed_10 = Sums();
    var mixed_11 = Sums();

    let channel_steps = (params.input_extent.c + STEP - 1u) / STEP;
    let steps = channel_steps * KERNEL_ROWS * KERNEL_COLUMNS;
    var loaded = load(window, place_of(0u, channel_steps), thread, first_channel);
    stage(thread, 0u, loaded);
    workgroupBarrier();

    for (var step = 0u; step < steps; step++) {
        let more = step + 1u < steps;
        if more {
            loaded = load(window, place_of(step + 1u, channel_steps), thread, first_channel);
        }
        let buffer = step % 2u;
        for (var k = 0u; k < STEP; k += TILE) {
            let w_0 = buffer * WEIGHT_BUFFER + k * WEIGHT_ROW + square_channel;
            let w_1 = w_0 + TILE;
            let p_0 = PIXELS_START + buffer * PIXEL_BUFFER + k * PIXEL_ROW + square_pixel;
            let p_1 = p_0 + TILE;
            // Weights stand a column of the matrix after the other, pixels a row.
            let left_0 = coopLoad<Left>(&staged[w_0], WEIGHT_ROW);
            let left_1 = coopLoad<Left>(&staged[w_1], WEIGHT_ROW);
            let right_0 = coopLoadT<Right>(&staged[p_0], PIXEL_ROW);
            let right_1 = coopLoadT<Right>(&staged[p_1], PIXEL_ROW);
            if SPLIT == 0u {
                sums_00 = coopMultiplyAdd(left_0, right_0, sums_00);
                sums_01 = coopMultiplyAdd(left_0, right_1, sums_01);
                sums_10 = coopMultiplyAdd(left_1, right_0, sums_10);
                sums_11 = coopMultiplyAdd(left_1, right_1, sums_11);
            } else {
                sums_00 = sums_00 + coopMultiplyAdd(left_0, right_0, Sums());
                sums_01 = sums_01 + coopMultiplyAdd(left_0, right_1, Sums());
                sums_10 = sums_10 + coopMultiplyAdd(left_1, right_0, Sums());
                sums_11 = sums_11 + coopMultiplyAdd(left_1, right_1, Sums());
                let wl_0 = w_0 + LOW_WEIGHTS;
                let wl_1 = w_1 + LOW_WEIGHTS;
                let low_left_0 = coopLoad<Left>(&staged[wl_0], WEIGHT_ROW);
                let low_left_1 = coopLoad<Left>(&staged[wl_1], WEIGHT_ROW);
                mixed_00 = coopMultiplyAdd(low_left_0, right_0, mixed_00);
                mixed_01 = coopMultiplyAdd(low_left_0, right_1, mixed_01);
                mixed_10 = coopMultiplyAdd(low_left_1, right_0, mixed_10);
                mixed_11 = coopMultiplyAdd(low_left_1, right_1, mixed_11);
                let pl_0 = p_0 + LOW_PIXELS;
                let pl_1 = p_1 + LOW_PIXELS;
                let low_right_0 = coopLoadT<Right>(&staged[pl_0], PIXEL_ROW);
                let low_right_1 = coopLoadT<Right>(&staged[pl_1], PIXEL_ROW);
                mixed_00 = coopMultiplyAdd(left_0, low_right_0, mixed_00);
                mixed_01 = coopMultiplyAdd(left_0, low_right_1, mixed_01);
                mixed_10 = coopMultiplyAdd(left_1, low_right_0, mixed_10);
                mixed_11 = coopMultiplyAdd(left_1, low_right_1, mixed_11);
            }
        }
        if more {
            stage(thread, 1u - buffer, loaded);
        }
        workgroupBarrier();
    }
    if SPLIT == 1u {
        sums_00 = sums_00 + mixed_00 * (1.0 / SCALE);
        sums_01 = sums_01 + mixed_01 * (1.0 / SCALE);
        sums_10 = sums_10 + mixed_10 * (1.0 / SCALE);
        sums_11 = sums_11 + mixed_11 * (1.0 / SCALE);
    }

    // One tile of each subgroup after the other goes through workgroup memory to the epilogue.
    let result = subgroup * TILE * TILE;
    let channel = first_channel + square_channel;
    let stored_pixel = first_pixel + square_pixel;
    coopStoreT(sums_00, &results[result], TILE);
    workgroupBarrier();
    store_tile(n, channel, stored_pixel, subgroup, lane);
    workgroupBarrier();
    coopStoreT(sums_01, &results[result], TILE);
    workgroupBarrier();
    store_tile(n, channel, stored_pixel + TILE, subgroup, lane);
    workgroupBarrier();
    coopStoreT(sums_10, &results[result], TILE);
    workgroupBarrier();
    store_tile(n, channel + TILE, stored_pixel, subgroup, lane);
    workgroupBarrier();
    coopStoreT(sums_11, &results[result], TILE);
    workgroupBarrier();
    store_tile(n, channel + TILE, stored_pixel + TILE, subgroup, lane);
}
