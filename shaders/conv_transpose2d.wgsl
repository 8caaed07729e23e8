// One thread computes 8 output channels of a block of BLOCK_ROWS × 4 output pixels that share a phase, the remainder
// of their row and column by the stride: the taps that reach them are the same, and their input pixels lie
// side by side. With kernel 2 × 2 and stride 2, each phase is a 1 × 1 convolution.

@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<WeightElement>>;

// Input values under one tap of 4 neighbouring pixels of a phase. Rows and columns may begin above and left
// of the input: unsigned arithmetic wraps, so that what does not lie in the input is recognised by being too
// large.
fn load_pixels(row_start: u32, row: u32, column: u32) -> vec4<f32> {
    let columns = vec4(column) + vec4(0u, 1u, 2u, 3u);
    let inside = (vec4(row) < vec4(params.input_extent.h)) & (columns < vec4(params.input_extent.w));
    let index = select(vec4(0u), row_start + columns, inside);
    let values = vec4(f32(input[index.x]), f32(input[index.y]), f32(input[index.z]), f32(input[index.w]));
    return select(vec4(0.0), values, inside);
}

@compute @workgroup_size(64)
fn conv_transpose2d(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let phase = phase_of(workgroup.z % (STRIDE_ROWS * STRIDE_COLUMNS));
    let channel_blocks = params.padded_out_channels / 8u;
    let channel_block = workgroup.z / (STRIDE_ROWS * STRIDE_COLUMNS) % channel_blocks;
    let n = workgroup.z / (STRIDE_ROWS * STRIDE_COLUMNS * channel_blocks);

    // The block's place among the pixels of its phase, and that of its first pixel in the output.
    let block = (workgroup.y * workgroups.x + workgroup.x) * 64u + thread;
    let phase_width = (params.output_extent.w + STRIDE_COLUMNS - 1u) / STRIDE_COLUMNS;
    let blocks_across = (phase_width + 3u) / 4u;
    let block_row = BLOCK_ROWS * (block / blocks_across);
    let block_column = 4u * (block % blocks_across);
    let y = phase.row + STRIDE_ROWS * block_row;
    let x = phase.column + STRIDE_COLUMNS * block_column;
    if y >= params.output_extent.h || x >= params.output_extent.w {
        return;
    }

    // Channels 0–3 and 4–7 of each of the rows.
    var low_0: mat4x4<f32>;
    var low_1: mat4x4<f32>;
    var low_2: mat4x4<f32>;
    var low_3: mat4x4<f32>;
    var high_0: mat4x4<f32>;
    var high_1: mat4x4<f32>;
    var high_2: mat4x4<f32>;
    var high_3: mat4x4<f32>;

    let first_row = block_row + phase.first_row;
    let first_column = block_column + phase.first_column;
    let row_step = params.input.row;
    let tap_step = params.padded_out_channels / 4u;
    let ins = params.input_extent.c / GROUPS;
    let groups = groups_of(8u * channel_block);
    for (var group = groups.x; group <= groups.y; group++) {
        for (var i = 0u; i < ins; i++) {
            for (var down = 0u; down < TAPS_DOWN; down++) {
                let ky = phase.first_ky + down * STEP_ROWS;
                if SOME_ROWS && ky >= KERNEL_ROWS {
                    break;
                }
                let row = first_row - down * ROWS_BACK;
                let row_start = at(params.input, n, group * ins + i, row, 0u);
                for (var across = 0u; across < TAPS_ACROSS; across++) {
                    let kx = phase.first_kx + across * STEP_COLUMNS;
                    if SOME_COLUMNS && kx >= KERNEL_COLUMNS {
                        break;
                    }
                    let column = first_column - across * COLUMNS_BACK;
                    let tap = ((i * KERNEL_ROWS + ky) * KERNEL_COLUMNS + kx) * tap_step + 2u * channel_block;
                    let low = of_group(vec4<f32>(weight[tap]), 8u * channel_block, group);
                    let high = of_group(vec4<f32>(weight[tap + 1u]), 8u * channel_block + 4u, group);
                    let pixels_0 = load_pixels(row_start, row, column);
                    add_products(&low_0, low, pixels_0);
                    add_products(&high_0, high, pixels_0);
                    if BLOCK_ROWS == 4u {
                        let pixels_1 = load_pixels(row_start + row_step, row + 1u, column);
                        let pixels_2 = load_pixels(row_start + 2u * row_step, row + 2u, column);
                        let pixels_3 = load_pixels(row_start + 3u * row_step, row + 3u, column);
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
    store_block(&sums, n, channel_block, y, x, vec2(STRIDE_ROWS, STRIDE_COLUMNS));
}
