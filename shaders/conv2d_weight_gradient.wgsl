// One workgroup computes the partial sums of one chunk for 32 gradient channels × 32 weights of each. It walks
// the chunk's pixels in steps of 16, for which gradients and window values lie in workgroup memory; a thread
// computes 4 channels × 4 weights.
//
// A thread loads values of one pixel of each step. Which in channel, row and column its weights have does not change, and
// is worked out once.
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
// Vectors of 4 channels or weights of one pixel, and one more, so that threads that store those of neighbouring pixels
// reach different banks.
const ROW: u32 = TILE / 4u + 1u;

// Of each pixel of the step, in turn, the values of the tile.
var<workgroup> gradients: array<vec4<f32>, STEP * ROW>;
var<workgroup> windows: array<vec4<f32>, STEP * ROW>;

// Of 4 weights: how far their values stand from where a window begins, in the input's elements, rows and columns.
struct Taps {
    distance: vec4<u32>,
    row: vec4<u32>,
    column: vec4<u32>,
}

fn taps_from(first: u32, count: u32) -> Taps {
    // Beyond the last weight: that one again, what comes of it is not stored.
    let tap = min(vec4(first, first + 1u, first + 2u, first + 3u), vec4(count - 1u));
    let channel = tap / (KERNEL_ROWS * KERNEL_COLUMNS);
    let rest = tap - channel * (KERNEL_ROWS * KERNEL_COLUMNS);
    let kernel_row = rest / KERNEL_COLUMNS;
    let row = kernel_row * params.dilation.x;
    let column = (rest - kernel_row * KERNEL_COLUMNS) * params.dilation.y;
    return Taps(channel * params.input.channel + row * params.input.row + column, row, column);
}

// Of 4 gradient channels, how far they stand from the first.
fn channels_from(first: u32, count: u32) -> vec4<u32> {
    return min(vec4(first, first + 1u, first + 2u, first + 3u), vec4(count - 1u)) * params.gradient.channel;
}

// A pixel of the chunk: whether it is one, its sample, row and column, where its gradients begin and its window, whose
// row and column wrap where it begins outside the input.
struct Pixel {
    n: u32,
    y: u32,
    x: u32,
    inside: bool,
    gradient: u32,
    window: u32,
    row: u32,
    column: u32,
}

// Beyond the last pixel: the first of all, its gradient counted as 0, or where windows are padded, its window.
fn pixel_at(n: u32, y: u32, x: u32, inside: bool, first_channels: vec2<u32>) -> Pixel {
    let place = select(vec3(0u), vec3(n, y, x), inside);
    let row = place.y * params.stride.x - params.padding.x;
    let column = place.z * params.stride.y - params.padding.y;
    return Pixel(
        n,
        y,
        x,
        inside,
        at(params.gradient, place.x, first_channels.x, place.y, place.z),
        at(params.input, place.x, first_channels.y, row, column),
        row,
        column,
    );
}

// The one a step further on, number `number` of `count`.
fn next_pixel(pixel: Pixel, number: u32, count: u32, first_channels: vec2<u32>) -> Pixel {
    var n = pixel.n;
    var y = pixel.y;
    var x = pixel.x + STEP;
    // Once at most where rows are longer than a step: dearer only than a division where they are much shorter.
    while x >= params.gradient_extent.w {
        x -= params.gradient_extent.w;
        y++;
        if y == params.gradient_extent.h {
            y = 0u;
            n++;
        }
    }
    return pixel_at(n, y, x, number < count, first_channels);
}

fn load_gradients(pixel: Pixel, channels: vec4<u32>) -> vec4<f32> {
    let index = pixel.gradient + channels;
    let values = vec4(gradient[index.x], gradient[index.y], gradient[index.z], gradient[index.w]);
    return select(vec4(0.0), values, pixel.inside || PADDED == 1u);
}

fn load_windows(pixel: Pixel, taps: Taps) -> vec4<f32> {
    var index = pixel.window + taps.distance;
    if PADDED == 0u {
        return vec4(input[index.x], input[index.y], input[index.z], input[index.w]);
    }
    let inside = (pixel.row + taps.row < vec4(params.input_extent.h))
        & (pixel.column + taps.column < vec4(params.input_extent.w)) & vec4(pixel.inside);
    index = select(vec4(0u), index, inside);
    return select(vec4(0.0), vec4(input[index.x], input[index.y], input[index.z], input[index.w]), inside);
}

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
    let first_tap = workgroup.x * TILE;
    let first_channel = (workgroup.y - group * tiles) * TILE;
    let first_row = workgroup.z * params.rows_per_chunk;
    let rows = min(params.rows_per_chunk, params.gradient_extent.n * params.gradient_extent.h - first_row);
    let pixels = rows * params.gradient_extent.w;

    // What this thread loads: of one pixel of a step, two vectors of channels and two of weights.
    let loaded_pixel = thread % STEP;
    let loaded_vector = thread / STEP;
    let group_channels = vec2(group * channels, group * ins);
    let channels_0 = channels_from(first_channel + 4u * loaded_vector, channels);
    let channels_1 = channels_from(first_channel + 4u * loaded_vector + 16u, channels);
    let taps_0 = taps_from(first_tap + 4u * loaded_vector, taps);
    let taps_1 = taps_from(first_tap + 4u * loaded_vector + 16u, taps);
    let stored = loaded_pixel * ROW + loaded_vector;

    let channel_vector = thread / 8u;
    let tap_vector = thread % 8u;
    var sums_0: vec4<f32>;
    var sums_1: vec4<f32>;
    var sums_2: vec4<f32>;
    var sums_3: vec4<f32>;

    let line = first_row + loaded_pixel / params.gradient_extent.w;
    let y = line % params.gradient_extent.h;
    let x = loaded_pixel % params.gradient_extent.w;
    var pixel = pixel_at(line / params.gradient_extent.h, y, x, loaded_pixel < pixels, group_channels);
    for (var step = 0u; step < pixels; step += STEP) {
        gradients[stored] = load_gradients(pixel, channels_0);
        gradients[stored + 4u] = load_gradients(pixel, channels_1);
        windows[stored] = load_windows(pixel, taps_0);
        windows[stored + 4u] = load_windows(pixel, taps_1);
        workgroupBarrier();
        pixel = next_pixel(pixel, step + STEP + loaded_pixel, pixels, group_channels);
        for (var k = 0u; k < STEP; k++) {
            let of_channels = gradients[k * ROW + channel_vector];
            let of_taps = windows[k * ROW + tap_vector];
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
