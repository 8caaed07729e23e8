struct Params {
    left: View,
    right: View,
    output: View,
    left_extent: Extent,
    right_extent: Extent,
    extent: Extent,
    operation: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> left: array<LeftElement>;
@group(0) @binding(2) var<storage, read> right: array<RightElement>;
@group(0) @binding(3) var<storage, read_write> output: array<OutputElement>;

// Where a factor has its number for a place of the output: its only one on the axes on which it has one.
fn of_factor(view: View, extent: Extent, p: Position) -> u32 {
    return at(
        view,
        min(p.n, extent.n - 1u),
        min(p.c, extent.c - 1u),
        min(p.y, extent.h - 1u),
        min(p.x, extent.w - 1u),
    );
}

@compute @workgroup_size(64)
fn arithmetic(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let a = f32(left[of_factor(params.left, params.left_extent, p)]);
    let b = f32(right[of_factor(params.right, params.right_extent, p)]);
    var result: f32;
    switch OPERATION {
        case 0u: { result = a + b; }
        case 1u: { result = a - b; }
        case 2u: { result = a * b; }
        case 3u: { result = a / b; }
        case 4u: { result = max(a, b); }
        default: { result = min(a, b); }
    }
    output[at(params.output, p.n, p.c, p.y, p.x)] = OutputElement(result);
}
