struct Params {
    input: View,
    output: View,
    input_extent: Extent,
    output_extent: Extent,
    kernel: vec2<u32>,
    stride: vec2<u32>,
    padding: vec2<u32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read_write> output: array<OutputElement>;

// WGSL has no literal for −∞; every window covers at least one pixel.
const LOWEST: f32 = -0x1.fffffep+127;

@compute @workgroup_size(64)
fn max_pool2d(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.output_extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    // The window, cut off at the image's edges.
    let corner = vec2(p.y, p.x) * params.stride;
    let size = vec2(params.input_extent.h, params.input_extent.w);
    let first = max(corner, params.padding) - params.padding;
    let end = min(corner + params.kernel, size + params.padding) - params.padding;
    var largest = LOWEST;
    for (var y = first.x; y < end.x; y++) {
        for (var x = first.y; x < end.y; x++) {
            largest = max(largest, f32(input[at(params.input, p.n, p.c, y, x)]));
        }
    }
    output[at(params.output, p.n, p.c, p.y, p.x)] = OutputElement(largest);
}
