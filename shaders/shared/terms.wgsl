// Put in front of the two ways to reduce blocks.
struct Params {
    input: View,
    left: View,
    right: View,
    output: View,
    extent: Extent,
    left_extent: Extent,
    right_extent: Extent,
    output_extent: Extent,
    function: u32,
    term: u32,
    scale: f32,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> left: array<LeftElement>;
@group(0) @binding(3) var<storage, read> right: array<RightElement>;
@group(0) @binding(4) var<storage, read_write> output: array<OutputElement>;

const LARGEST: u32 = 1u;

fn left_at(place: vec4<u32>) -> f32 {
    let p = min(place, sizes(params.left_extent) - 1u);
    return f32(left[at(params.left, p.x, p.y, p.z, p.w)]);
}

fn right_at(place: vec4<u32>) -> f32 {
    let p = min(place, sizes(params.right_extent) - 1u);
    return f32(right[at(params.right, p.x, p.y, p.z, p.w)]);
}

// 1 where a is larger, ½ where neither is.
fn share_of_larger(a: f32, b: f32) -> f32 {
    return select(select(0.0, 0.5, a == b), 1.0, a > b);
}

fn term_at(p: vec4<u32>) -> f32 {
    let value = f32(input[at(params.input, p.x, p.y, p.z, p.w)]);
    switch TERM {
        case 0u: { return value; }
        case 1u: { return -value; }
        case 2u: { return value * left_at(p); }
        case 3u: { return value * right_at(p); }
        case 4u: { return value / right_at(p); }
        case 5u: { return -value * (left_at(p) / right_at(p)) / right_at(p); }
        case 6u: { return value * share_of_larger(left_at(p), right_at(p)); }
        default: { return value * share_of_larger(right_at(p), left_at(p)); }
    }
}

fn together(a: f32, b: f32) -> f32 {
    if FUNCTION == LARGEST {
        return max(a, b);
    }
    return a + b;
}

fn write_result(p: vec4<u32>, result: f32) {
    let place = at(params.output, p.x, p.y, p.z, p.w);
    var value = params.scale * result;
    if params.accumulate == 1u {
        value += f32(output[place]);
    }
    output[place] = OutputElement(value);
}
