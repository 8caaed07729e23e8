// Whether the pixel at `p` is what pooling takes from `window`: of equal values the first in row-major
// order.
fn is_largest(p: Position, window: vec2<u32>) -> bool {
    let corner = window * params.stride;
    let size = vec2(params.input_extent.h, params.input_extent.w);
    let first = max(corner, params.padding) - params.padding;
    let end = min(corner + params.kernel, size + params.padding) - params.padding;
    let value = f32(input[at(params.input, p.n, p.c, p.y, p.x)]);
    for (var y = first.x; y < end.x; y++) {
        for (var x = first.y; x < end.y; x++) {
            let other = f32(input[at(params.input, p.n, p.c, y, x)]);
            let before = y < p.y || (y == p.y && x < p.x);
            if other > value || (before && other == value) {
                return false;
            }
        }
    }
    return true;
}

@compute @workgroup_size(64)
fn max_pool2d_adjoint(
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
    let last_window = vec2(params.output_extent.h, params.output_extent.w) - 1u;
    let last = min(covered / params.stride, last_window);
    var sum = 0.0;
    for (var row = begin.x; row <= last.x; row++) {
        for (var column = begin.y; column <= last.y; column++) {
            if is_largest(p, vec2(row, column)) {
                sum += f32(gradient[at(params.gradient, p.n, p.c, row, column)]);
            }
        }
    }
    let place = at(params.output, p.n, p.c, p.y, p.x);
    if params.accumulate == 1u {
        sum += f32(output[place]);
    }
    if params.gated == 1u && f32(input[at(params.input, p.n, p.c, p.y, p.x)]) <= 0.0 {
        sum *= params.slope;
    }
    output[place] = OutputElement(sum);
}
