// How a block of 4 × 4 pixels is stored where registers are memory: in a loop, to keep the shader short. Software rasterisers
// take long to compile unrolled stores.

// Of each of the 4 rows, channels 0–3, then 4–7.
alias BlockSums = array<mat4x4<f32>, 8>;

// Stores the part of a block that lies in the output. Its pixels are `step` rows and columns apart, the first at (y, x).
fn store_block(sums: ptr<function, BlockSums>, n: u32, channel_block: u32, y: u32, x: u32, step: vec2<u32>) {
    let rows = min(4u, (params.output_extent.h - y + step.x - 1u) / step.x);
    let columns = min(4u, (params.output_extent.w - x + step.y - 1u) / step.y);
    // Weights may be padded by whole blocks, of which nothing is stored.
    let first = 8u * channel_block;
    let channels = min(8u, max(params.output_extent.c, first) - first);
    for (var c = 0u; c < channels; c++) {
        let channel = first + c;
        for (var row = 0u; row < rows; row++) {
            let start = at(params.output, n, channel, y + row * step.x, x);
            for (var column = 0u; column < columns; column++) {
                let sum = (*sums)[2u * row + c / 4u][column][c % 4u];
                store_sum(start + column * step.y, channel, sum);
            }
        }
    }
}
