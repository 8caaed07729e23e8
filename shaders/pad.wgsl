struct Params {
    input: View,
    output: View,
    input_extent: Extent,
    output_extent: Extent,
    top: u32,
    left: u32,
    mode: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read_write> output: array<OutputElement>;

const REPLICATE: u32 = 1u;

@compute @workgroup_size(64)
fn pad(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.output_extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    // Place in the input; above and left of it the difference wraps round to a large number.
    let y = p.y - params.top;
    let x = p.x - params.left;
    let inside = y < params.input_extent.h && x < params.input_extent.w;
    var value = 0.0;
    if inside || params.mode == REPLICATE {
        let nearest_y = min(max(p.y, params.top) - params.top, params.input_extent.h - 1u);
        let nearest_x = min(max(p.x, params.left) - params.left, params.input_extent.w - 1u);
        value = f32(input[at(params.input, p.n, p.c, nearest_y, nearest_x)]);
    }
    output[at(params.output, p.n, p.c, p.y, p.x)] = OutputElement(value);
}
