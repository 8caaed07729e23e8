// For variants in which one thread computes 8 output channels of a block of BLOCK_ROWS × 4 pixels, all sums in registers.

// Sums of 4 channels of 4 pixels, a column per pixel.
fn add_products(sums: ptr<function, mat4x4<f32>>, weights: vec4<f32>, pixels: vec4<f32>) {
    (*sums)[0] = fma(weights, vec4(pixels.x), (*sums)[0]);
    (*sums)[1] = fma(weights, vec4(pixels.y), (*sums)[1]);
    (*sums)[2] = fma(weights, vec4(pixels.z), (*sums)[2]);
    (*sums)[3] = fma(weights, vec4(pixels.w), (*sums)[3]);
}
