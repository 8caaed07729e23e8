struct Params {
    gradient: View,
    output: View,
    input_extent: Extent,
    output_extent: Extent,
    top: u32,
    left: u32,
    mode: u32,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<GradientElement>;
@group(0) @binding(2) var<storage, read_write> output: array<OutputElement>;

const REPLICATE: u32 = 1u;

// First and last place along one axis that shows input pixel `place`.
fn shown(place: u32, border: u32, input_size: u32, output_size: u32) -> vec2<u32> {
    var range = vec2(border + place);
    if params.mode == REPLICATE {
        if place == 0u {
            range.x = 0u;
        }
        if place == input_size - 1u {
            range.y = output_size - 1u;
        }
    }
    return range;
}

@compute @workgroup_size(64)
fn pad_adjoint(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.input_extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let rows = shown(p.y, params.top, params.input_extent.h, params.output_extent.h);
    let columns = shown(p.x, params.left, params.input_extent.w, params.output_extent.w);
    var sum = 0.0;
    for (var y = rows.x; y <= rows.y; y++) {
        for (var x = columns.x; x <= columns.y; x++) {
            sum += f32(gradient[at(params.gradient, p.n, p.c, y, x)]);
        }
    }
    let place = at(params.output, p.n, p.c, p.y, p.x);
    if params.accumulate == 1u {
        sum += f32(output[place]);
    }
    output[place] = OutputElement(sum);
}
