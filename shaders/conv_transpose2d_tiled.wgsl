// The transposed convolution as an implicit matrix product in tiles of channels and pixels, phase by phase: a tap is an in
// channel and one of the phase's taps, a pixel one of a phase.
//
// With WHOLE, where the kernel is as large as the stride and nothing is cut off, each phase has one tap, under which all
// phases read the same input pixel: it is a 1 × 1 convolution to as many times the out channels, which stand one behind
// the other in the weights.

@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<WeightElement>>;

const PHASES: u32 = STRIDE_ROWS * STRIDE_COLUMNS;
const TAPS: u32 = TAPS_DOWN * TAPS_ACROSS;

// Of a tile: its sample, its first out channel (with WHOLE, of all phases one behind the other), its first pixel, counted
// along the rows of a phase, and its phase.
struct Place {
    n: u32,
    first_channel: u32,
    first_pixel: u32,
    phase: Phase,
}

// Of 4 pixels of a phase: index in the first channel, row and column in the output.
struct Outputs {
    index: vec4<u32>,
    row: vec4<u32>,
    column: vec4<u32>,
}

fn phase_extent() -> vec2<u32> {
    let stride = vec2(STRIDE_ROWS, STRIDE_COLUMNS);
    return (vec2(params.output_extent.h, params.output_extent.w) + stride - 1u) / stride;
}

fn windows(place: Place, first_pixel: u32) -> Windows {
    // Beyond the last pixel: its window again, what comes of it is not stored.
    let extent = phase_extent();
    let pixel = min(four_pixels(first_pixel), vec4(extent.x * extent.y - 1u));
    let y = pixel / extent.y;
    let row = y + place.phase.first_row;
    let column = pixel - y * extent.y + place.phase.first_column;
    return Windows(at(params.input, place.n, 0u, 0u, 0u) + row * params.input.row + column, row, column);
}

fn outputs(place: Place, first_pixel: u32) -> Outputs {
    let width = phase_extent().y;
    let pixel = four_pixels(first_pixel);
    let y = pixel / width;
    let row = y * STRIDE_ROWS + place.phase.row;
    let column = (pixel - y * width) * STRIDE_COLUMNS + place.phase.column;
    return Outputs(at(params.output, place.n, 0u, 0u, 0u) + row * params.output.row + column, row, column);
}

fn load_pixels(windows: Windows, tap: u32, taps: u32) -> vec4<f32> {
    // Beyond the last tap: any value of the window, its weight is 0.
    let valid_tap = select(0u, tap, tap < taps);
    let channel = valid_tap / TAPS;
    let rest = valid_tap - channel * TAPS;
    let down = rest / TAPS_ACROSS;
    let rows = down * ROWS_BACK;
    let columns = (rest - down * TAPS_ACROSS) * COLUMNS_BACK;
    let index = windows.start + (channel * params.input.channel - rows * params.input.row - columns);
    return load_four(index, windows.row - rows, windows.column - columns);
}

fn load_weights(place: Place, vector: u32, tap: u32, taps: u32) -> vec4<f32> {
    let row = params.padded_out_channels / 4u;
    if WHOLE == 1u {
        return load_weight(tap * (PHASES * row) + vector, tap < taps && vector < PHASES * row);
    }
    let channel = tap / TAPS;
    let rest = tap - channel * TAPS;
    let down = rest / TAPS_ACROSS;
    let ky = place.phase.first_ky + down * STEP_ROWS;
    let kx = place.phase.first_kx + (rest - down * TAPS_ACROSS) * STEP_COLUMNS;
    let inside = tap < taps && vector < row
        && (!SOME_ROWS || ky < KERNEL_ROWS) && (!SOME_COLUMNS || kx < KERNEL_COLUMNS);
    return load_weight(((channel * KERNEL_ROWS + ky) * KERNEL_COLUMNS + kx) * row + vector, inside);
}

fn store(channel: u32, outputs: Outputs, sums: vec4<f32>) {
    var out = channel;
    var phase = vec2(0u);
    if WHOLE == 1u {
        let number = channel / params.padded_out_channels;
        out = channel - number * params.padded_out_channels;
        phase = vec2(number / STRIDE_COLUMNS, number % STRIDE_COLUMNS);
        if number >= PHASES {
            return;
        }
    }
    if out >= params.output_extent.c {
        return;
    }
    let inside = (outputs.row + phase.x < vec4(params.output_extent.h))
        & (outputs.column + phase.y < vec4(params.output_extent.w));
    let index = outputs.index + (out * params.output.channel + phase.x * params.output.row + phase.y);
    if inside.x { store_sum(index.x, out, sums.x); }
    if inside.y { store_sum(index.y, out, sums.y); }
    if inside.z { store_sum(index.z, out, sums.z); }
    if inside.w { store_sum(index.w, out, sums.w); }
}

@compute @workgroup_size(128)
fn conv_transpose2d(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let channels = select(params.output_extent.c, PHASES * params.padded_out_channels, WHOLE == 1u);
    let channel_tiles = (channels + TILE_CHANNELS - 1u) / TILE_CHANNELS;
    let phases = select(PHASES, 1u, WHOLE == 1u);
    let place = Place(
        workgroup.z / (phases * channel_tiles),
        TILE_CHANNELS * (workgroup.z / phases % channel_tiles),
        TILE_PIXELS * (workgroup.y * workgroups.x + workgroup.x),
        phase_of(workgroup.z % phases),
    );
    compute_tile(place, params.input_extent.c * TAPS, thread);
}
