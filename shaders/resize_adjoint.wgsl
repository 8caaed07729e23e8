struct Params {
    gradient: View,
    output: View,
    input_extent: Extent,
    output_extent: Extent,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<GradientElement>;
// Of the input's rows, then of its columns: the first output place that they go into, and the one after the last.
@group(0) @binding(3) var<storage, read> uses: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> output: array<OutputElement>;

// What input place `place` contributes to output place `index` of the table.
fn share(index: u32, place: u32, input_size: u32) -> f32 {
    let places = source(index, input_size);
    return select(0.0, 1.0 - places.weight, places.first == place)
        + select(0.0, places.weight, places.second == place);
}

@compute @workgroup_size(64)
fn resize_adjoint(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.input_extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    // Whatever stands in the table, a place lies in the output.
    let rows = min(vec2<u32>(uses[p.y]), vec2(params.output_extent.h));
    let columns = min(vec2<u32>(uses[params.input_extent.h + p.x]), vec2(params.output_extent.w));
    var sum = 0.0;
    for (var y = rows.x; y < rows.y; y++) {
        let row_weight = share(y, p.y, params.input_extent.h);
        for (var x = columns.x; x < columns.y; x++) {
            let weight = row_weight * share(params.output_extent.h + x, p.x, params.input_extent.w);
            sum += weight * f32(gradient[at(params.gradient, p.n, p.c, y, x)]);
        }
    }
    let place = at(params.output, p.n, p.c, p.y, p.x);
    if params.accumulate == 1u {
        sum += f32(output[place]);
    }
    output[place] = OutputElement(sum);
}
