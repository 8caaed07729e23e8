// One thread computes one value from the places of the kernel at which an input pixel stands.

@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> weight: array<WeightElement>;

@compute @workgroup_size(64)
fn depthwise_conv_transpose2d(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.output_extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let ins = params.input_extent.c / GROUPS;
    let first = p.c / (params.output_extent.c / GROUPS) * ins;
    var sum = 0.0;
    for (var i = 0u; i < ins; i++) {
        for (var ky = 0u; ky < KERNEL_ROWS; ky++) {
            // Above the input, unsigned arithmetic wraps to a number that is too large.
            let rows = p.y + params.padding.x - ky * DILATION_ROWS;
            let row = rows / STRIDE_ROWS;
            if row * STRIDE_ROWS != rows || row >= params.input_extent.h {
                continue;
            }
            let row_start = at(params.input, p.n, first + i, row, 0u);
            let tap = (i * KERNEL_ROWS + ky) * KERNEL_COLUMNS;
            for (var kx = 0u; kx < KERNEL_COLUMNS; kx++) {
                let columns = p.x + params.padding.y - kx * DILATION_COLUMNS;
                let column = columns / STRIDE_COLUMNS;
                if column * STRIDE_COLUMNS == columns && column < params.input_extent.w {
                    let factor = f32(weight[(tap + kx) * params.padded_out_channels + p.c]);
                    sum = fma(factor, f32(input[row_start + column]), sum);
                }
            }
        }
    }
    store_sum(at(params.output, p.n, p.c, p.y, p.x), p.c, sum);
}
