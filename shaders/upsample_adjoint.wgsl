struct Params {
    gradient: View,
    output: View,
    input_extent: Extent,
    output_extent: Extent,
    mode: u32,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<GradientElement>;
@group(0) @binding(2) var<storage, read_write> output: array<OutputElement>;

// What input pixel `place` contributes to output pixel `index`.
fn share(index: u32, place: u32, input_size: u32, output_size: u32) -> f32 {
    let pixels = source(index, input_size, output_size, params.mode);
    return select(0.0, 1.0 - pixels.weight, pixels.first == place)
        + select(0.0, pixels.weight, pixels.second == place);
}

// First and last of the output pixels that input pixel `place` can contribute to: those whose source
// coordinate lies less than 1 from it (nearest: 0 to 1 past it) in every mode, and one more on either
// side, whose share is then 0. At the ends of the input, to the ends of the output.
fn reach(place: u32, input_size: u32, output_size: u32) -> vec2<u32> {
    let last = output_size - 1u;
    var first_reached = 0u;
    var last_reached = last;
    if place > 0u {
        first_reached = (place - 1u) * last / input_size;
    }
    if place + 2u < input_size {
        last_reached = min(last, (place + 2u) * output_size / (input_size - 1u) + 1u);
    }
    return vec2(first_reached, last_reached);
}

@compute @workgroup_size(64)
fn upsample_adjoint(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.input_extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let rows = reach(p.y, params.input_extent.h, params.output_extent.h);
    let columns = reach(p.x, params.input_extent.w, params.output_extent.w);
    var sum = 0.0;
    for (var y = rows.x; y <= rows.y; y++) {
        let row_weight = share(y, p.y, params.input_extent.h, params.output_extent.h);
        if row_weight == 0.0 {
            continue;
        }
        for (var x = columns.x; x <= columns.y; x++) {
            let weight = row_weight * share(x, p.x, params.input_extent.w, params.output_extent.w);
            sum += weight * f32(gradient[at(params.gradient, p.n, p.c, y, x)]);
        }
    }
    let place = at(params.output, p.n, p.c, p.y, p.x);
    if params.accumulate == 1u {
        sum += f32(output[place]);
    }
    output[place] = OutputElement(sum);
}
