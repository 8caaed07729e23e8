// Kernel 3 × 3, stride 1, for devices without fast workgroup memory: loads are what a software rasteriser spends its
// time on. One thread computes 8 output channels of a block of 4 × 4 pixels, as in conv2d.wgsl, but an input channel
// at a time: the 6 × 6 values under the block are loaded once, as whole vectors, and the 18 vectors of weights by 8
// threads of a subgroup for all of them.

@group(0) @binding(1) var<storage, read> input: array<vec4<InputElement>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<WeightElement>>;

// Of a row of the kernel: channels 0–3 and 4–7, a column per tap.
struct KernelRow {
    low: mat3x4<f32>,
    high: mat3x4<f32>,
}

// What the three taps of a kernel row see of a row of 4 pixels.
struct InputRow {
    left: vec4<f32>,
    middle: vec4<f32>,
    right: vec4<f32>,
}

// The 6 values of row `row` from column `column` on, of which the first is at `start`. Row, column and start may
// lie above and left of the input: unsigned arithmetic wraps, so that what does not lie in the input is recognised
// by being too large.
fn load_row(start: u32, row: u32, column: u32) -> InputRow {
    // Vectors lie at multiples of 4, the values somewhere in three of them, the last of which may lie behind the
    // buffer's end where the pixels lie outside the output.
    let vector = ((start + 4u) >> 2u) - 1u;
    let last = arrayLength(&input) - 1u;
    let a = vec4<f32>(input[min(vector, last)]);
    let b = vec4<f32>(input[min(vector + 1u, last)]);
    let c = vec4<f32>(input[min(vector + 2u, last)]);
    let by_one = (start & 1u) == 1u;
    let d = select(a, vec4(a.yzw, b.x), by_one);
    let e = select(b, vec4(b.yzw, c.x), by_one);
    let by_two = (start & 2u) == 2u;
    var first = select(d, vec4(d.zw, e.xy), by_two);
    var rest = select(e.xy, e.zw, by_two);
    if PADDED == 1u {
        let columns = column + vec4(0u, 1u, 2u, 3u);
        let row_inside = row < params.input_extent.h;
        let width = params.input_extent.w;
        first = select(vec4(0.0), first, vec4(row_inside) & (columns < vec4(width)));
        rest = select(vec2(0.0), rest, vec2(row_inside) & (columns.xy + 4u < vec2(width)));
    }
    return InputRow(first, vec4(first.yzw, rest.x), vec4(first.zw, rest));
}

fn add_row(
    low: ptr<function, mat4x4<f32>>,
    high: ptr<function, mat4x4<f32>>,
    kernel: KernelRow,
    row: InputRow,
) {
    add_products(low, kernel.low[0], row.left);
    add_products(high, kernel.high[0], row.left);
    add_products(low, kernel.low[1], row.middle);
    add_products(high, kernel.high[1], row.middle);
    add_products(low, kernel.low[2], row.right);
    add_products(high, kernel.high[2], row.right);
}

// As few threads as exchange weights, so that few are beyond the last block.
@compute @workgroup_size(8)
fn conv2d(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    // Blocks beyond the last one are computed too, of any values, and not stored: all threads of a subgroup must
    // take part in its exchanges.
    let block = (workgroup.y * workgroups.x + workgroup.x) * 8u + thread;
    let blocks_across = (params.output_extent.w + 3u) / 4u;
    let y = 4u * (block / blocks_across);
    let x = 4u * (block % blocks_across);
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

    let first_row = y - params.padding.x;
    let first_column = x - params.padding.y;
    var start = at(params.input, n, 0u, first_row, first_column);
    // Lane 2 t + h of 8 loads half h of the channels of tap t, of tap t + 4, and of tap 8.
    let weight_step = params.padded_out_channels / 4u;
    let first_weight = 2u * channel_block + lane % 2u;
    var tap = first_weight + (lane % 8u) / 2u * weight_step;
    var last_tap = first_weight + 8u * weight_step;
    for (var i = 0u; i < params.input_extent.c; i++) {
        let a = vec4<f32>(weight[tap]);
        let b = vec4<f32>(weight[tap + 4u * weight_step]);
        let c = vec4<f32>(weight[last_tap]);
        tap += 9u * weight_step;
        last_tap += 9u * weight_step;
        let kernel_0 = KernelRow(
            mat3x4(subgroupBroadcast(a, 0u), subgroupBroadcast(a, 2u), subgroupBroadcast(a, 4u)),
            mat3x4(subgroupBroadcast(a, 1u), subgroupBroadcast(a, 3u), subgroupBroadcast(a, 5u)),
        );
        let kernel_1 = KernelRow(
            mat3x4(subgroupBroadcast(a, 6u), subgroupBroadcast(b, 0u), subgroupBroadcast(b, 2u)),
            mat3x4(subgroupBroadcast(a, 7u), subgroupBroadcast(b, 1u), subgroupBroadcast(b, 3u)),
        );
        let kernel_2 = KernelRow(
            mat3x4(subgroupBroadcast(b, 4u), subgroupBroadcast(b, 6u), subgroupBroadcast(c, 0u)),
            mat3x4(subgroupBroadcast(b, 5u), subgroupBroadcast(b, 7u), subgroupBroadcast(c, 1u)),
        );

        // Each row of the input goes to the rows of the output that see it.
        let row_0 = load_row(start, first_row, first_column);
        add_row(&low_0, &high_0, kernel_0, row_0);
        let row_1 = load_row(start + params.input.row, first_row + 1u, first_column);
        add_row(&low_0, &high_0, kernel_1, row_1);
        add_row(&low_1, &high_1, kernel_0, row_1);
        let row_2 = load_row(start + 2u * params.input.row, first_row + 2u, first_column);
        add_row(&low_0, &high_0, kernel_2, row_2);
        add_row(&low_1, &high_1, kernel_1, row_2);
        add_row(&low_2, &high_2, kernel_0, row_2);
        let row_3 = load_row(start + 3u * params.input.row, first_row + 3u, first_column);
        add_row(&low_1, &high_1, kernel_2, row_3);
        add_row(&low_2, &high_2, kernel_1, row_3);
        add_row(&low_3, &high_3, kernel_0, row_3);
        let row_4 = load_row(start + 4u * params.input.row, first_row + 4u, first_column);
        add_row(&low_2, &high_2, kernel_2, row_4);
        add_row(&low_3, &high_3, kernel_1, row_4);
        let row_5 = load_row(start + 5u * params.input.row, first_row + 5u, first_column);
        add_row(&low_3, &high_3, kernel_2, row_5);
        start += params.input.channel;
    }

    if y >= params.output_extent.h {
        return;
    }
    var sums = BlockSums(low_0, high_0, low_1, high_1, low_2, high_2, low_3, high_3);
    store_block(&sums, n, channel_block, y, x, vec2(1u));
}
