// The implicit matrix product on the device's matrix units, which multiply float16 and add up float32. TILE, the side of
// their matrices, SUBGROUP, BLOCK_CHANNELS and the types Left, Right and Sums come with the prelude.
//
// One workgroup computes BLOCK_CHANNELS output channels of 128 consecutive output pixels, each of its squares, one to a
// subgroup, TILES_DOWN × 2 tiles. It walks the kernel's rows and columns and, at each, the input channels in steps of 16:
// where the pixels' windows lie is then worked out once a step. Weights and pixels of a step lie in workgroup memory, the
// 16 input channels side by side, so that a thread finds what it holds of a matrix in whole words; those of the next step
// are on their way into registers. Two buffers take turns, so that one barrier a step is enough.
//
// SUBGROUP is the most threads that a subgroup may have. Where the device makes them smaller, some are left without a
// square, and compute what the last one does.
//
// With SPLIT, each float32 is carried as two float16, a = high + low / 2048 (Ootomo and Yokota, "Recovering single
// precision accuracy from Tensor Cores while surpassing the FP32 theoretical peak performance", 2022): the low half holds
// the next 11 bits, scaled so that fewer of them are subnormal numbers. high · high is summed apart from the two mixed
// products, and low · low, beyond the last bit, left out. Matrix units may cut off where float32 rounds, so what they sum
// is one step, and the sums over all steps are added outside of them. Inputs and weights from 65520 on in size
// give no finite result, and below about 2⁻¹⁴ they have fewer bits the smaller they are, down to none below 2⁻³⁶.

@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<WeightElement>>;

const STEP: u32 = 16u;
const BLOCK_PIXELS: u32 = 128u;
const TILES_DOWN: u32 = BLOCK_CHANNELS / 16u;
// Channels and pixels of a square, and squares.
const SQUARE_CHANNELS: u32 = TILES_DOWN * TILE;
const SQUARE_PIXELS: u32 = 2u * TILE;
const SQUARES_ACROSS: u32 = BLOCK_PIXELS / SQUARE_PIXELS;
const SQUARES: u32 = SQUARES_ACROSS * (BLOCK_CHANNELS / SQUARE_CHANNELS);
const WORKGROUP: u32 = SQUARES * SUBGROUP;
const SCALE: f32 = 2048.0;

// Rows of 16 bytes more than they need, so that neighbouring rows begin in different banks.
const ROW: u32 = STEP + 8u;
// Where the pixels of a buffer begin, its low halves, and the next buffer. With SPLIT there is one buffer: two are too
// large.
const PIXELS_START: u32 = BLOCK_CHANNELS * ROW;
const LOW: u32 = PIXELS_START + BLOCK_PIXELS * ROW;
const BUFFERS: u32 = 2u - SPLIT;
const BUFFER: u32 = (1u + SPLIT) * LOW;

// [buffer][half][output channel, then pixel][input channel]
var<workgroup> staged: array<f16, BUFFERS * BUFFER>;
// A tile of sums of each square.
var<workgroup> results: array<f32, SQUARES * TILE * TILE>;

// Vectors of weights in a step.
const WEIGHT_VECTORS: u32 = STEP * BLOCK_CHANNELS / 4u;
// Threads that load values of one pixel, and vectors of 4 input channels that each of them loads.
const PIXEL_THREADS: u32 = WORKGROUP / BLOCK_PIXELS;
const PIXEL_LOADS: u32 = 4u / PIXEL_THREADS;

alias Weights = vec4<WeightElement>;
alias Pixels = vec4<InputElement>;

// What a thread loads in a step, perhaps not all of it.
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

// The input channel of a step, and the vector of output channels, that vector `number` of weights has: 4 vectors that lie
// side by side in global memory for each input channel, then the next input channel.
fn weight_place(number: u32) -> vec2<u32> {
    return vec2((number / 4u) % STEP, number % 4u + 4u * (number / (4u * STEP)));
}

fn load_weights(number: u32, place: Place, first_channel: u32) -> Weights {
    let of_block = weight_place(number);
    let channel = place.channel + of_block.x;
    let vector = first_channel / 4u + of_block.y;
    let row = params.padded_out_channels / 4u;
    let inside = (WHOLE_STEPS == 1u || channel < params.input_extent.c) && vector < row;
    let tap = (channel * KERNEL_ROWS + place.ky) * KERNEL_COLUMNS + place.kx;
    return select(Weights(), weight[select(0u, tap * row + vector, inside)], inside);
}

// Of one pixel, the values of four input channels from `channel` on. Beyond the last channel: the last one again, its
// weight is 0.
fn load_pixels(start: u32, inside: bool, channel: u32) -> Pixels {
    var channels = vec4(channel) + vec4(0u, 1u, 2u, 3u);
    if WHOLE_STEPS == 0u {
        channels = min(channels, vec4(params.input_extent.c - 1u));
    }
    let index = select(vec4(0u), start + channels * params.input.channel, vec4(inside));
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
    let channel = place.channel + 4u * PIXEL_LOADS * (thread / BLOCK_PIXELS);
    var loaded: Loaded;
    if WORKGROUP <= WEIGHT_VECTORS || thread < WEIGHT_VECTORS {
        loaded.weights_0 = load_weights(thread, place, first_channel);
    }
    if WORKGROUP < WEIGHT_VECTORS {
        loaded.weights_1 = load_weights(thread + WORKGROUP, place, first_channel);
    }
    loaded.pixels_0 = load_pixels(start, inside, channel);
    loaded.pixels_1 = load_pixels(start, inside, channel + 4u);
    if PIXEL_LOADS == 4u {
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

fn stage_values(index: u32, apart: u32, values: vec4<f32>) {
    if SPLIT == 0u {
        stage_halves(index, apart, vec4<f16>(values));
    } else {
        let high = high_parts(values);
        stage_halves(index, apart, vec4<f16>(high));
        stage_halves(index + LOW, apart, vec4<f16>((values - high) * SCALE));
    }
}

fn stage_weights(number: u32, buffer: u32, values: Weights) {
    let place = weight_place(number);
    stage_values(buffer * BUFFER + 4u * place.y * ROW + place.x, ROW, vec4<f32>(values));
}

fn stage(thread: u32, buffer: u32, loaded: Loaded) {
    if WORKGROUP <= WEIGHT_VECTORS || thread < WEIGHT_VECTORS {
        stage_weights(thread, buffer, loaded.weights_0);
    }
    if WORKGROUP < WEIGHT_VECTORS {
        stage_weights(thread + WORKGROUP, buffer, loaded.weights_1);
    }
    let first = 4u * PIXEL_LOADS * (thread / BLOCK_PIXELS);
    let index = buffer * BUFFER + PIXELS_START + thread % BLOCK_PIXELS * ROW + first;
    stage_values(index, 1u, vec4<f32>(loaded.pixels_0));
    stage_values(index + 4u, 1u, vec4<f32>(loaded.pixels_1));
    if PIXEL_LOADS == 4u {
        stage_values(index + 8u, 1u, vec4<f32>(loaded.pixels_2));
        stage_values(index + 12u, 1u, vec4<f32>(loaded.pixels_3));
    }
}

// The square of a subgroup: of which sample, its first channel and pixel, its number, whether it is the subgroup's own; and which
// of how many threads this one is.
struct Square {
    n: u32,
    channel: u32,
    pixel: u32,
    number: u32,
    is_own: bool,
    lane: u32,
    lanes: u32,
}

// Brings the sums of a tile of each square through workgroup memory to the epilogue, those that lie in the output.
fn store_sums(sums: Sums, square: Square, down: u32, across: u32) {
    let first = square.number * TILE * TILE;
    // The tile before has been read.
    workgroupBarrier();
    if square.is_own {
        coopStoreT(sums, &results[first], TILE);
    }
    workgroupBarrier();
    if square.is_own {
        let count = params.output_extent.h * params.output_extent.w;
        for (var element = square.lane; element < TILE * TILE; element += square.lanes) {
            let p = square.pixel + across * TILE + element % TILE;
            let c = square.channel + down * TILE + element / TILE;
            if c < params.output_extent.c && p < count {
                let y = p / params.output_extent.w;
                let index = at(params.output, square.n, c, y, p - y * params.output_extent.w);
                store_sum(index, c, results[first + element]);
            }
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
    @builtin(subgroup_size) lanes: u32,
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
    let square = min(subgroup, SQUARES - 1u);
    let square_channel = SQUARE_CHANNELS * (square / SQUARES_ACROSS);
    let square_pixel = SQUARE_PIXELS * (square % SQUARES_ACROSS);

    var sums_00 = Sums();
    var sums_01 = Sums();
    var sums_10 = Sums();
    var sums_11 = Sums();
    var sums_20 = Sums();
    var sums_21 = Sums();
    var sums_30 = Sums();
    var sums_31 = Sums();
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
        let buffer = step % BUFFERS;
        for (var k = 0u; k < STEP; k += TILE) {
            // Weights stand a row of the matrix after the other, pixels a column.
            let w = buffer * BUFFER + square_channel * ROW + k;
            let p = buffer * BUFFER + PIXELS_START + square_pixel * ROW + k;
            let left_0 = coopLoadT<Left>(&staged[w], ROW);
            let left_1 = coopLoadT<Left>(&staged[w + TILE * ROW], ROW);
            let right_0 = coopLoad<Right>(&staged[p], ROW);
            let right_1 = coopLoad<Right>(&staged[p + TILE * ROW], ROW);
            if SPLIT == 0u {
                sums_00 = coopMultiplyAdd(left_0, right_0, sums_00);
                sums_01 = coopMultiplyAdd(left_0, right_1, sums_01);
                sums_10 = coopMultiplyAdd(left_1, right_0, sums_10);
                sums_11 = coopMultiplyAdd(left_1, right_1, sums_11);
                if TILES_DOWN == 4u {
                    let left_2 = coopLoadT<Left>(&staged[w + 2u * TILE * ROW], ROW);
                    let left_3 = coopLoadT<Left>(&staged[w + 3u * TILE * ROW], ROW);
                    sums_20 = coopMultiplyAdd(left_2, right_0, sums_20);
                    sums_21 = coopMultiplyAdd(left_2, right_1, sums_21);
                    sums_30 = coopMultiplyAdd(left_3, right_0, sums_30);
                    sums_31 = coopMultiplyAdd(left_3, right_1, sums_31);
                }
            } else {
                sums_00 = sums_00 + coopMultiplyAdd(left_0, right_0, Sums());
                sums_01 = sums_01 + coopMultiplyAdd(left_0, right_1, Sums());
                sums_10 = sums_10 + coopMultiplyAdd(left_1, right_0, Sums());
                sums_11 = sums_11 + coopMultiplyAdd(left_1, right_1, Sums());
                let low_left_0 = coopLoadT<Left>(&staged[w + LOW], ROW);
                let low_left_1 = coopLoadT<Left>(&staged[w + LOW + TILE * ROW], ROW);
                mixed_00 = coopMultiplyAdd(low_left_0, right_0, mixed_00);
                mixed_01 = coopMultiplyAdd(low_left_0, right_1, mixed_01);
                mixed_10 = coopMultiplyAdd(low_left_1, right_0, mixed_10);
                mixed_11 = coopMultiplyAdd(low_left_1, right_1, mixed_11);
                let low_right_0 = coopLoad<Right>(&staged[p + LOW], ROW);
                let low_right_1 = coopLoad<Right>(&staged[p + LOW + TILE * ROW], ROW);
                mixed_00 = coopMultiplyAdd(left_0, low_right_0, mixed_00);
                mixed_01 = coopMultiplyAdd(left_0, low_right_1, mixed_01);
                mixed_10 = coopMultiplyAdd(left_1, low_right_0, mixed_10);
                mixed_11 = coopMultiplyAdd(left_1, low_right_1, mixed_11);
            }
        }
        if BUFFERS == 1u {
            workgroupBarrier();
        }
        if more {
            stage(thread, (step + 1u) % BUFFERS, loaded);
        }
        workgroupBarrier();
    }
    if SPLIT == 1u {
        sums_00 = sums_00 + mixed_00 * (1.0 / SCALE);
        sums_01 = sums_01 + mixed_01 * (1.0 / SCALE);
        sums_10 = sums_10 + mixed_10 * (1.0 / SCALE);
        sums_11 = sums_11 + mixed_11 * (1.0 / SCALE);
    }

    let of_subgroup =
        Square(n, first_channel + square_channel, first_pixel + square_pixel, square, subgroup < SQUARES, lane, lanes);
    store_sums(sums_00, of_subgroup, 0u, 0u);
    store_sums(sums_01, of_subgroup, 0u, 1u);
    store_sums(sums_10, of_subgroup, 1u, 0u);
    store_sums(sums_11, of_subgroup, 1u, 1u);
    if TILES_DOWN == 4u {
        store_sums(sums_20, of_subgroup, 2u, 0u);
        store_sums(sums_21, of_subgroup, 2u, 1u);
        store_sums(sums_30, of_subgroup, 3u, 0u);
        store_sums(sums_31, of_subgroup, 3u, 1u);
    }
}
