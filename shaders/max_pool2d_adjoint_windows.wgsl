// For windows that do not overlap and begin at the corner: one thread reads a window's values once and writes all of its
// gradients. KERNEL_ROWS and KERNEL_COLUMNS come with the prelude.
@compute @workgroup_size(64)
fn max_pool2d_adjoint(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    // What is left at the right and below of whole windows has windows too, without a gradient.
    let windows = Extent(
        params.input_extent.n,
        params.input_extent.c,
        (params.input_extent.h + KERNEL_ROWS - 1u) / KERNEL_ROWS,
        (params.input_extent.w + KERNEL_COLUMNS - 1u) / KERNEL_COLUMNS,
    );
    let p = position(windows, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let top = p.y * KERNEL_ROWS;
    let left = p.x * KERNEL_COLUMNS;
    let rows = min(KERNEL_ROWS, params.input_extent.h - top);
    let columns = min(KERNEL_COLUMNS, params.input_extent.w - left);

    // The first of the largest values in row-major order.
    var values: array<f32, KERNEL_ROWS * KERNEL_COLUMNS>;
    var largest = 0u;
    for (var row = 0u; row < rows; row++) {
        for (var column = 0u; column < columns; column++) {
            let i = row * KERNEL_COLUMNS + column;
            values[i] = f32(input[at(params.input, p.n, p.c, top + row, left + column)]);
            if values[i] > values[largest] {
                largest = i;
            }
        }
    }
    var pooled = 0.0;
    if p.y < params.output_extent.h && p.x < params.output_extent.w {
        pooled = f32(gradient[at(params.gradient, p.n, p.c, p.y, p.x)]);
    }
    for (var row = 0u; row < rows; row++) {
        for (var column = 0u; column < columns; column++) {
            let i = row * KERNEL_COLUMNS + column;
            let place = at(params.output, p.n, p.c, top + row, left + column);
            var value = select(0.0, pooled, i == largest);
            if params.accumulate == 1u {
                value += f32(output[place]);
            }
            if params.gated == 1u && values[i] <= 0.0 {
                value *= params.slope;
            }
            output[place] = OutputElement(value);
        }
    }
}
