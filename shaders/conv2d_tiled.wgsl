// The implicit matrix product in tiles of channels and pixels: a tap is an in channel and a row and a column of the
// kernel.

@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<WeightElement>>;

// Of a tile: its sample, its first out channel, and its first pixel, counted along rows.
struct Place {
    n: u32,
    first_channel: u32,
    first_pixel: u32,
}

// Of 4 output pixels: index in the first channel, and which are inside the output.
struct Outputs {
    index: vec4<u32>,
    inside: vec4<bool>,
}

fn windows(place: Place, first_pixel: u32) -> Windows {
    // Beyond the last pixel: its window again, what comes of it is not stored.
    let last = params.output_extent.h * params.output_extent.w - 1u;
    let pixel = min(four_pixels(first_pixel), vec4(last));
    let y = pixel / params.output_extent.w;
    let x = pixel - y * params.output_extent.w;
    let row = y * STRIDE_ROWS - params.padding.x;
    let column = x * STRIDE_COLUMNS - params.padding.y;
    return Windows(at(params.input, place.n, 0u, 0u, 0u) + row * params.input.row + column, row, column);
}

fn outputs(place: Place, first_pixel: u32) -> Outputs {
    let pixel = four_pixels(first_pixel);
    let y = pixel / params.output_extent.w;
    let x = pixel - y * params.output_extent.w;
    return Outputs(
        at(params.output, place.n, 0u, 0u, 0u) + y * params.output.row + x,
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
    let index = windows.start + (channel * params.input.channel + ky * params.input.row + kx);
    return load_four(index, windows.row + ky, windows.column + kx);
}

fn load_weights(place: Place, vector: u32, tap: u32, taps: u32) -> vec4<f32> {
    let row = params.padded_out_channels / 4u;
    return load_weight(tap * row + vector, tap < taps && vector < row);
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
    let place = Place(
        workgroup.z / channel_tiles,
        TILE_CHANNELS * (workgroup.z % channel_tiles),
        TILE_PIXELS * (workgroup.y * workgroups.x + workgroup.x),
    );
    compute_tile(place, params.input_extent.c * (KERNEL_ROWS * KERNEL_COLUMNS), thread);
}
