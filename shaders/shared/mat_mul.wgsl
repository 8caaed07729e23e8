// Put in front of the two ways to multiply matrices.
struct Params {
    left: View,
    right: View,
    output: View,
    left_extent: Extent,
    right_extent: Extent,
    extent: Extent,
    transposed: vec2<u32>,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> left: array<LeftElement>;
@group(0) @binding(2) var<storage, read> right: array<RightElement>;
@group(0) @binding(3) var<storage, read_write> output: array<OutputElement>;

// Terms of each element.
fn depth() -> u32 {
    return select(params.left_extent.w, params.left_extent.h, LEFT_TRANSPOSED == 1u);
}

// Samples and channels that are added up.
fn summed() -> vec2<u32> {
    return vec2<u32>(
        select(1u, max(params.left_extent.n, params.right_extent.n), params.extent.n == 1u),
        select(1u, max(params.left_extent.c, params.right_extent.c), params.extent.c == 1u),
    );
}

fn left_at(n: u32, c: u32, row: u32, k: u32) -> f32 {
    let sample = min(n, params.left_extent.n - 1u);
    let channel = min(c, params.left_extent.c - 1u);
    if LEFT_TRANSPOSED == 1u {
        return f32(left[at(params.left, sample, channel, k, row)]);
    }
    return f32(left[at(params.left, sample, channel, row, k)]);
}

fn right_at(n: u32, c: u32, k: u32, column: u32) -> f32 {
    let sample = min(n, params.right_extent.n - 1u);
    let channel = min(c, params.right_extent.c - 1u);
    if RIGHT_TRANSPOSED == 1u {
        return f32(right[at(params.right, sample, channel, column, k)]);
    }
    return f32(right[at(params.right, sample, channel, k, column)]);
}

fn write_sum(n: u32, c: u32, row: u32, column: u32, sum: f32) {
    let place = at(params.output, n, c, row, column);
    var value = sum;
    if params.accumulate == 1u {
        value += f32(output[place]);
    }
    output[place] = OutputElement(value);
}
