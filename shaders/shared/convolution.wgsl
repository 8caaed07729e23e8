// What all convolutions have: parameters, bindings whose type is always the same, and the epilogue. `input` and
// `weight`, bindings 1 and 2, are theirs, as vectors or single numbers. GATED, a parameter, is also a constant of the
// prelude.
struct Params {
    input: View,
    output: View,
    input_extent: Extent,
    output_extent: Extent,
    kernel: vec2<u32>,
    stride: vec2<u32>,
    padding: vec2<u32>,
    dilation: vec2<u32>,
    padded_out_channels: u32,
    accumulate: u32,
    gated: u32,
    groups: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> epilogue: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> gate: array<GateElement>;
@group(0) @binding(5) var<storage, read_write> output: array<OutputElement>;

// What stands at `index` of the output, of `channel`, when the sum over the taps is `sum`.
fn finish(index: u32, channel: u32, sum: f32) -> f32 {
    let bias_slope = epilogue[channel];
    if GATED == 1u {
        var value = sum;
        if params.accumulate == 1u {
            value += f32(output[index]);
        }
        return select(bias_slope.y * value, value, f32(gate[index]) > 0.0);
    }
    let biased = sum + bias_slope.x;
    var value = select(biased * bias_slope.y, biased, biased >= 0.0);
    if params.accumulate == 1u {
        value += f32(output[index]);
    }
    return value;
}

fn store_sum(index: u32, channel: u32, sum: f32) {
    output[index] = OutputElement(finish(index, channel, sum));
}
