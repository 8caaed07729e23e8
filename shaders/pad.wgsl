struct Params {
    input: View,
    output: View,
    input_extent: Extent,
    output_extent: Extent,
    top: u32,
    left: u32,
    mode: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
