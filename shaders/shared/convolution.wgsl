// What all convolutions have: parameters, bindings whose type is always the same, and the epilogue. `input` and
// `weight`, bindings 1 and 2, are theirs, as vectors or single numbers.
struct Params {
    input: View,
    output: View,
    input_extent: Extent,
    output_extent: Extent,
    kernel: vec2<u32>,
    stride: vec2<u32>,
    padding: vec2<u32>,
    padded_out_channels: u32,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> epilogue: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> output: array<OutputElement>;

// Bias and slope activation of sums of one channel.
fn activate(sums: vec4<f32>, channel: u32) -> vec4<f32> {
    let bias_slope = epilogue[channel];
    let biased = sums + bias_slope.x;
    return select(biased * bias_slope.y, biased, biased >= vec4(0.0));
}

fn store_value(index: u32, value: f32) {
    if params.accumulate == 1u {
        output[index] = OutputElement(f32(output[index]) + value);
    } else {
        output[index] = OutputElement(value);
    }
}
