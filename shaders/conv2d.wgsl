// One thread computes 8 output channels of a block of BLOCK_ROWS × 4 pixels, all sums in registers: with 4 rows 128
// multiply-adds per tap for 8 weights and 16 pixels. No workgroup memory, so no barriers, which software
// rasterisers emulate dearly.

@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<WeightElement>>;

// Input values under one tap of 4 neighbouring pixels. Rows and columns may begin above and left of the
// input: unsigned arithmetic wraps, so that what does not lie in the input is recognised by being too large.
fn load_pixels(row_start: u32, row: u32, column: u32) -> vec4<f32> {
    let columns = vec4(column) + vec4(0u, STRIDE_COLUMNS, 2u * STRIDE_COLUMNS, 3u * STRIDE_COLUMNS);
    let inside = (vec4(row) < vec4(params.input_extent.h)) & (columns < vec4(params.input_extent.w));
    let index = select(vec4(0u), row_start + columns, inside);
    let values = vec4(f32(input[index.x]), f32(input[index.y]), f32(input[index.z]), f32(input[index.w]));
    return select(vec4(0.0), values, inside);
}

@compute @workgroup_size(64)
fn conv2d(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let block = (workgroup.y * workgroups.x + workgroup.x) * 64u + thread;
    let blocks_across = (params.output_extent.w + 3u) / 4u;
    let y = BLOCK_ROWS * (block / blocks_across);
    let x = 4u * (block % blocks_across);
    if y >= params.output_extent.h {
        return;
    }
    let channel_blocks = params.padded_out_channels / 8u;
    let n = workgroup.z / channel_blocks;
    let channel_block = workgroup.z % channel_blocks;

    // Channels 0–3 and 4–7 of each of the rows.
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
    let ins = params.input_extent.c / GROUPS;
    let groups = groups_of(8u * channel_block);
    for (var group = groups.x; group <= groups.y; group++) {
        var tap = 2u * channel_block;
        for (var i = 0u; i < ins; i++) {
            for (var ky = 0u; ky < KERNEL_ROWS; ky++) {
                let row = first_row + ky * DILATION_ROWS;
                let row_start = at(params.input, n, group * ins + i, row, 0u);
                for (var kx = 0u; kx < KERNEL_COLUMNS; kx++) {
                    let column = first_column + kx * DILATION_COLUMNS;
                    let low = of_group(vec4<f32>(weight[tap]), 8u * channel_block, group);
                    let high = of_group(vec4<f32>(weight[tap + 1u]), 8u * channel_block + 4u, group);
                    tap += weight_step;
                    let pixels_0 = load_pixels(row_start, row, column);
                    add_products(&low_0, low, pixels_0);
                    add_products(&high_0, high, pixels_0);
                    if BLOCK_ROWS == 4u {
                        let pixels_1 = load_pixels(row_start + row_step, row + STRIDE_ROWS, column);
                        let pixels_2 = load_pixels(row_start + 2u * row_step, row + 2u * STRIDE_ROWS, column);
                        let pixels_3 = load_pixels(row_start + 3u * row_step, row + 3u * STRIDE_ROWS, column);
                        add_products(&low_1, low, pixels_1);
                        add_products(&low_2, low, pixels_2);
                        add_products(&low_3, low, pixels_3);
                        add_products(&high_1, high, pixels_1);
                        add_products(&high_2, high, pixels_2);
                        add_products(&high_3, high, pixels_3);
                    }
                }
            }
        }
    }

    var sums = BlockSums(low_0, high_0, low_1, high_1, low_2, high_2, low_3, high_3);
    store_block(&sums, n, channel_block, y, x, vec2(1u));
}
