// What the convolution kernels are measured against: one thread per output, its sum in a register.
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;

@compute @workgroup_size(64)
fn conv2d(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let place = position(params.output_extent, workgroup, workgroups, thread);
    if !place.inside {
        return;
    }
    let first_row = place.y * STRIDE_ROWS - params.padding.x;
    let first_column = place.x * STRIDE_COLUMNS - params.padding.y;
    var sum = 0.0;
    var tap = place.c;
    for (var i = 0u; i < params.input_extent.c; i++) {
        for (var ky = 0u; ky < KERNEL_ROWS; ky++) {
            for (var kx = 0u; kx < KERNEL_COLUMNS; kx++) {
                let row = first_row + ky;
                let column = first_column + kx;
                if row < params.input_extent.h && column < params.input_extent.w {
                    sum = fma(weight[tap], input[at(params.input, place.n, i, row, column)], sum);
                }
                tap += params.padded_out_channels;
            }
        }
    }
    store_sum(at(params.output, place.n, place.c, place.y, place.x), place.c, sum);
}
