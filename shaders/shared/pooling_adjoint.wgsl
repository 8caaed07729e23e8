// What all variants of the adjoint of max pooling have: parameters and bindings.
struct Params {
    input: View,
    gradient: View,
    output: View,
    input_extent: Extent,
    output_extent: Extent,
    kernel: vec2<u32>,
    stride: vec2<u32>,
    padding: vec2<u32>,
    accumulate: u32,
    gated: u32,
    slope: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<InputElement>;
@group(0) @binding(2) var<storage, read> gradient: array<GradientElement>;
@group(0) @binding(3) var<storage, read_write> output: array<OutputElement>;
