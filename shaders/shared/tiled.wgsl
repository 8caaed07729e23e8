// A matrix product whose right side is gathered as it is needed: one workgroup computes TILE_CHANNELS channels of 128
// pixels. It walks the taps in steps of 8: the weights and the pixels of a step lie in workgroup memory. Two buffers take
// turns, so that one barrier a step is enough. With PREFETCH, what the next step takes is on its way from global memory
// into registers while this one is multiplied; without, where registers are few, other workgroups fill the time.
//
// A thread computes TILE_CHANNELS / 8 channels of 8 pixels. What workgroup memory holds as one vector are
// the pixels p, p + 32, p + 64 and p + 96: neighbouring threads then read and write neighbouring addresses
// in global memory, one component at a time, and whole vectors in workgroup memory without bank conflicts.
//
// What a tap is, where the pixels under it lie and where sums go are the convolution's: `Place`, of a tile, with
// `windows`, `load_pixels`, `load_weights`, `outputs` and `store`.

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

// Of 4 pixels: index of the first input value of their windows, and its row and column, which wrap where a window begins
// outside the input.
struct Windows {
    start: vec4<u32>,
    row: vec4<u32>,
    column: vec4<u32>,
}

fn four_pixels(first: u32) -> vec4<u32> {
    return vec4(first, first + 32u, first + 64u, first + 96u);
}

// The values at `index`; of padded windows, zeros where their places lie outside the input.
fn load_four(index: vec4<u32>, row: vec4<u32>, column: vec4<u32>) -> vec4<f32> {
    if PADDED == 0u {
        return vec4(f32(input[index.x]), f32(input[index.y]), f32(input[index.z]), f32(input[index.w]));
    }
    let inside = (row < vec4(params.input_extent.h)) & (column < vec4(params.input_extent.w));
    let valid = select(vec4(0u), index, inside);
    let values = vec4(f32(input[valid.x]), f32(input[valid.y]), f32(input[valid.z]), f32(input[valid.w]));
    return select(vec4(0.0), values, inside);
}

// A vector of weights, or zeros.
fn load_weight(index: u32, inside: bool) -> vec4<f32> {
    return select(vec4(0.0), vec4<f32>(weight[select(0u, index, inside)]), inside);
}

// What a thread loads of a step: one vector of weights (with 32 channels, the upper half of the threads none) and the same
// four pixels of two taps.
struct Loaded {
    weights: vec4<f32>,
    pixels_0: vec4<f32>,
    pixels_1: vec4<f32>,
}

fn load_step(place: Place, windows: Windows, step: u32, taps: u32, thread: u32) -> Loaded {
    var loaded: Loaded;
    if thread < WEIGHT_STEP {
        let vector = place.first_channel / 4u + thread % WEIGHT_VECTORS;
        loaded.weights = load_weights(place, vector, step * STEP + thread / WEIGHT_VECTORS, taps);
    }
    let tap = step * STEP + thread / PIXEL_VECTORS;
    loaded.pixels_0 = load_pixels(windows, tap, taps);
    loaded.pixels_1 = load_pixels(windows, tap + 4u, taps);
    return loaded;
}

fn stage(buffer: u32, loaded: Loaded, thread: u32) {
    if thread < WEIGHT_STEP {
        weights[buffer * WEIGHT_STEP + thread] = loaded.weights;
    }
    pixels[buffer * PIXEL_STEP + thread] = loaded.pixels_0;
    pixels[buffer * PIXEL_STEP + thread + 128u] = loaded.pixels_1;
}

fn compute_tile(place: Place, taps: u32, thread: u32) {
    let loaded_windows = windows(place, place.first_pixel + thread % PIXEL_VECTORS);

    // What this thread computes: a square of threads, 8 × 4, shares as many vectors as can be among 32 threads.
    let square = thread / 32u;
    let pixel_vector = 8u * (square % 2u) + thread % 8u;
    let channel_vector = 4u * (square / 2u) + (thread / 8u) % 4u;

    // sums[2 c + p]: channel c (4 and above: half a tile further on) of pixel vector p. Indexed by
    // literals alone, so that it stays in registers.
    var sums: array<vec4<f32>, 16>;

    let steps = (taps + STEP - 1u) / STEP;
    var next = load_step(place, loaded_windows, 0u, taps, thread);
    stage(0u, next, thread);
    workgroupBarrier();

    for (var step = 0u; step < steps; step++) {
        let more = step + 1u < steps;
        if more && PREFETCH == 1u {
            next = load_step(place, loaded_windows, step + 1u, taps, thread);
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

        if more && PREFETCH == 0u {
            next = load_step(place, loaded_windows, step + 1u, taps, thread);
        }
        if more {
            // The other buffer was last read before the last barrier.
            stage(1u - buffer, next, thread);
        }
        workgroupBarrier();
    }

    let outputs_0 = outputs(place, place.first_pixel + pixel_vector);
    let outputs_1 = outputs(place, place.first_pixel + pixel_vector + 16u);
    let channel = place.first_channel + 4u * channel_vector;
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
