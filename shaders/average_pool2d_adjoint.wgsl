struct Params {
    gradient: View,
    output: View,
    input_extent: Extent,
    output_extent: Extent,
    kernel: vec2<u32>,
    stride: vec2<u32>,
    padding: vec2<u32>,
    counted_before: vec2<u32>,
    counted_after: vec2<u32>,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<GradientElement>;
@group(0) @binding(2) var<storage, read_write> output: array<OutputElement>;

@compute @workgroup_size(64)
fn average_pool2d_adjoint(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.input_extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    // The windows that cover this pixel: those that begin at or before it and end after it.
    let covered = vec2(p.y, p.x) + params.padding;
    let begin = select(vec2(0u), (covered - params.kernel) / params.stride + 1u, covered >= params.kernel);
    let end = min(covered / params.stride + 1u, vec2(params.output_extent.h, params.output_extent.w));
    var sum = 0.0;
    for (var row = begin.x; row < end.x; row++) {
        for (var column = begin.y; column < end.y; column++) {
            sum += f32(gradient[at(params.gradient, p.n, p.c, row, column)]) / counted(vec2(row, column));
        }
    }
    let place = at(params.output, p.n, p.c, p.y, p.x);
    if params.accumulate == 1u {
        sum += f32(output[place]);
    }
    output[place] = OutputElement(sum);
}
