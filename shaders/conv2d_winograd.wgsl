// Kernel 3 × 3, stride 1, by Winograd's F(2 × 2, 3 × 3): 16 multiplications for 4 outputs where sums over the taps
// take 36 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv 1509.09308).
//
// One workgroup computes 32 output channels of 32 tiles of 2 × 2 pixels. It walks the input channels in steps of 4:
// half of its threads take a 4 × 4 patch of the input each to the transform's 16 components, the other half a filter.
// Then, component by component, a matrix product of 32 channels × 32 tiles: a thread computes 8 × 8 of one
// component. At the end the sums go through workgroup memory, 8 channels at a time, to threads that take the 16
// components of one channel of one tile back to 4 pixels.

@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> weight: array<WeightElement>;

const TILE_CHANNELS: u32 = 32u;
const TILES: u32 = 32u;
const STEP: u32 = 4u;
// Vectors of 4 channels, or of 4 tiles, that stand side by side.
const VECTORS: u32 = 8u;
// Vectors of one component in a step.
const COMPONENT: u32 = STEP * VECTORS;
// Where the tiles begin, after the filters.
const TILES_START: u32 = 16u * COMPONENT;

// Filters and tiles of a step, [component][input channel][vector]; at the end, sums of 8 channels. The filters' and
// the tiles' vectors of every other component change halves, so that the two components that 32 neighbouring threads
// work on lie in different banks.
// Single numbers, since several threads write to one vector.
var<workgroup> staged: array<f32, 8u * TILES_START>;

// What a thread loads in a step: a patch, or a filter in the first three rows and columns.
alias Square = mat4x4<f32>;

struct Tile {
    row: u32,
    column: u32,
    inside: bool,
}

fn find_tile(number: u32) -> Tile {
    let across = (params.output_extent.w + 1u) / 2u;
    let row = number / across;
    return Tile(2u * row, 2u * (number - row * across), row < (params.output_extent.h + 1u) / 2u);
}

// The 4 × 4 values under a tile of channel `i`, a column of the matrix for each row; zeros outside the input.
fn load_patch(n: u32, i: u32, tile: Tile) -> Square {
    let row = tile.row - params.padding.x;
    let columns = tile.column - params.padding.y + vec4(0u, 1u, 2u, 3u);
    let inside = vec4(i < params.input_extent.c) & (columns < vec4(params.input_extent.w));
    let index = at(params.input, n, i, row, 0u) + columns;
    return Square(
        load_patch_row(index, row, inside),
        load_patch_row(index + params.input.row, row + 1u, inside),
        load_patch_row(index + 2u * params.input.row, row + 2u, inside),
        load_patch_row(index + 3u * params.input.row, row + 3u, inside),
    );
}

fn load_patch_row(index: vec4<u32>, row: u32, columns_inside: vec4<bool>) -> vec4<f32> {
    let inside = columns_inside & vec4(row < params.input_extent.h);
    let place = select(vec4(0u), index, inside);
    let values = vec4(f32(input[place.x]), f32(input[place.y]), f32(input[place.z]), f32(input[place.w]));
    return select(vec4(0.0), values, inside);
}

// A row of a filter, whose weights are `step` apart.
fn filter_row(first: u32, step: u32) -> vec4<f32> {
    return vec4(f32(weight[first]), f32(weight[first + step]), f32(weight[first + 2u * step]), 0.0);
}

// The 3 × 3 weights from channel `i` to `channel`, a column of the matrix for each row.
fn load_filter(i: u32, channel: u32) -> Square {
    let inside = i < params.input_extent.c && channel < params.padded_out_channels;
    let step = select(0u, params.padded_out_channels, inside);
    let first = select(0u, 9u * i * step + channel, inside);
    let upper = filter_row(first, step);
    let middle = filter_row(first + 3u * step, step);
    let lower = filter_row(first + 6u * step, step);
    let zero = vec4(0.0);
    return Square(
        select(zero, upper, inside),
        select(zero, middle, inside),
        select(zero, lower, inside),
        zero,
    );
}

fn load(is_patch: bool, n: u32, i: u32, tile: Tile, channel: u32) -> Square {
    if is_patch {
        return load_patch(n, i, tile);
    }
    return load_filter(i, channel);
}

// Bᵀ d B, transposed.
fn transform_patch(window: Square) -> Square {
    let rows = Square(window[0] - window[2], window[1] + window[2], window[2] - window[1], window[1] - window[3]);
    let turned = transpose(rows);
    return Square(turned[0] - turned[2], turned[1] + turned[2], turned[2] - turned[1], turned[1] - turned[3]);
}

// G g Gᵀ, transposed.
fn transform_filter(weights: Square) -> Square {
    let turned = transpose(expand(weights));
    return expand(turned);
}

fn expand(rows: Square) -> Square {
    let sum = 0.5 * (rows[0] + rows[2]);
    let middle = 0.5 * rows[1];
    return Square(rows[0], sum + middle, sum - middle, rows[2]);
}

// Writes the 16 components of position `position` of 32 among the filters or the tiles.
fn stage(first: u32, step: u32, position: u32, square: Square) {
    let place = first + step * VECTORS;
    stage_row(place, position, square[0]);
    stage_row(place + 4u * COMPONENT, position, square[1]);
    stage_row(place + 8u * COMPONENT, position, square[2]);
    stage_row(place + 12u * COMPONENT, position, square[3]);
}

fn stage_row(place: u32, position: u32, values: vec4<f32>) {
    let even = 4u * (place + position % VECTORS) + position / VECTORS;
    let odd = 4u * (place + COMPONENT + ((position % VECTORS) ^ 4u)) + position / VECTORS;
    staged[even] = values.x;
    staged[odd] = values.y;
    staged[even + 8u * COMPONENT] = values.z;
    staged[odd + 8u * COMPONENT] = values.w;
}

fn staged_vector(vector: u32) -> vec4<f32> {
    let place = 4u * vector;
    return vec4(staged[place], staged[place + 1u], staged[place + 2u], staged[place + 3u]);
}

fn stage_vector(vector: u32, values: vec4<f32>) {
    let place = 4u * vector;
    staged[place] = values.x;
    staged[place + 1u] = values.y;
    staged[place + 2u] = values.z;
    staged[place + 3u] = values.w;
}

// Four components, from `component` on, of the sums of a channel of 8 and a position among the tiles.
fn staged_sums(component: u32, channel: u32, position: u32) -> vec4<f32> {
    let place = 4u * ((component * 8u + channel) * VECTORS + position % VECTORS) + position / VECTORS;
    return vec4(
        staged[place],
        staged[place + 32u * VECTORS],
        staged[place + 64u * VECTORS],
        staged[place + 96u * VECTORS],
    );
}

@compute @workgroup_size(256)
fn conv2d(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let channel_tiles = (params.output_extent.c + TILE_CHANNELS - 1u) / TILE_CHANNELS;
    let n = workgroup.z / channel_tiles;
    let first_channel = TILE_CHANNELS * (workgroup.z % channel_tiles);
    let first_tile = TILES * (workgroup.y * workgroups.x + workgroup.x);

    // What this thread loads: position `position` of input channel `loaded_step` of a step.
    let loads_patch = thread < 128u;
    let position = thread % 32u;
    let loaded_step = (thread / 32u) % STEP;
    // Position p stands in component p / 8 of vector p % 8; of filters it is a channel in that same order.
    let loaded_tile = find_tile(first_tile + position);
    let loaded_channel = first_channel + position;

    // What it multiplies: vectors of channels and of tiles of one component.
    let component = thread / 16u;
    let swizzle = 4u * (component & 1u);
    let channel_vector = (thread / 4u) % 4u;
    let tile_vector = thread % 4u;

    // sums[2 c + p]: channel c of 8, of tile vector p. Indexed by literals alone, so that it stays in registers.
    var sums: array<vec4<f32>, 16>;

    let steps = (params.input_extent.c + STEP - 1u) / STEP;
    var next: Square;
    for (var step = 0u; step <= steps; step++) {
        // The step before is multiplied while the next one is on its way, or where registers are few, before that.
        let i = step * STEP + loaded_step;
        if step < steps && PREFETCH == 1u {
            next = load(loads_patch, n, i, loaded_tile, loaded_channel);
        }
        if step > 0u {
            let filters = component * COMPONENT;
            for (var k = 0u; k < STEP; k++) {
                let row = filters + k * VECTORS;
                let low = staged_vector(row + (channel_vector ^ swizzle));
                let high = staged_vector(row + ((channel_vector + 4u) ^ swizzle));
                let t0 = staged_vector(TILES_START + row + (tile_vector ^ swizzle));
                let t1 = staged_vector(TILES_START + row + ((tile_vector + 4u) ^ swizzle));
                sums[0] = fma(vec4(low.x), t0, sums[0]);
                sums[1] = fma(vec4(low.x), t1, sums[1]);
                sums[2] = fma(vec4(low.y), t0, sums[2]);
                sums[3] = fma(vec4(low.y), t1, sums[3]);
                sums[4] = fma(vec4(low.z), t0, sums[4]);
                sums[5] = fma(vec4(low.z), t1, sums[5]);
                sums[6] = fma(vec4(low.w), t0, sums[6]);
                sums[7] = fma(vec4(low.w), t1, sums[7]);
                sums[8] = fma(vec4(high.x), t0, sums[8]);
                sums[9] = fma(vec4(high.x), t1, sums[9]);
                sums[10] = fma(vec4(high.y), t0, sums[10]);
                sums[11] = fma(vec4(high.y), t1, sums[11]);
                sums[12] = fma(vec4(high.z), t0, sums[12]);
                sums[13] = fma(vec4(high.z), t1, sums[13]);
                sums[14] = fma(vec4(high.w), t0, sums[14]);
                sums[15] = fma(vec4(high.w), t1, sums[15]);
            }
        }
        if step < steps && PREFETCH == 0u {
            next = load(loads_patch, n, i, loaded_tile, loaded_channel);
        }
        workgroupBarrier();
        if step < steps {
            if loads_patch {
                stage(TILES_START, loaded_step, position, transform_patch(next));
            } else {
                stage(0u, loaded_step, position, transform_filter(next));
            }
        }
        workgroupBarrier();
    }

    // Sums of the 8 channels of one channel vector pair at a time: [component][channel][vector].
    let channel = thread / 32u;
    let tile = find_tile(first_tile + position);
    for (var round = 0u; round < 4u; round++) {
        if channel_vector == round {
            let place = 8u * VECTORS * component + tile_vector;
            stage_vector(place, sums[0]);
            stage_vector(place + 4u, sums[1]);
            stage_vector(place + 8u, sums[2]);
            stage_vector(place + 12u, sums[3]);
            stage_vector(place + 16u, sums[4]);
            stage_vector(place + 20u, sums[5]);
            stage_vector(place + 24u, sums[6]);
            stage_vector(place + 28u, sums[7]);
            stage_vector(place + 32u, sums[8]);
            stage_vector(place + 36u, sums[9]);
            stage_vector(place + 40u, sums[10]);
            stage_vector(place + 44u, sums[11]);
            stage_vector(place + 48u, sums[12]);
            stage_vector(place + 52u, sums[13]);
            stage_vector(place + 56u, sums[14]);
            stage_vector(place + 60u, sums[15]);
        }
        workgroupBarrier();
        let m = Square(
            staged_sums(0u, channel, position),
            staged_sums(4u, channel, position),
            staged_sums(8u, channel, position),
            staged_sums(12u, channel, position),
        );
        // Component c of vector v is channel v + 8 c: the thread's 8 channels are those of vectors `round` and
        // `round` + 4.
        let out_channel = first_channel + round + 4u * (channel / 4u) + 8u * (channel % 4u);
        store_tile(n, out_channel, tile, m);
        workgroupBarrier();
    }
}

// Aᵀ m A, of the transposed m, what lies inside the output is stored.
fn store_tile(n: u32, channel: u32, tile: Tile, m: Square) {
    if channel >= params.output_extent.c || !tile.inside {
        return;
    }
    let left = m[0] + m[1] + m[2];
    let right = m[1] - m[2] - m[3];
    let values = vec4(
        left.x + left.y + left.z,
        right.x + right.y + right.z,
        left.y - left.z - left.w,
        right.y - right.z - right.w,
    );
    let place = at(params.output, n, channel, tile.row, tile.column);
    let has_right = tile.column + 1u < params.output_extent.w;
    let has_lower = tile.row + 1u < params.output_extent.h;
    store_sum(place, channel, values.x);
    if has_right {
        store_sum(place + 1u, channel, values.y);
    }
    if has_lower {
        store_sum(place + params.output.row, channel, values.z);
    }
    if has_right && has_lower {
        store_sum(place + params.output.row + 1u, channel, values.w);
    }
}
