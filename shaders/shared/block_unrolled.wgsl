// How a block of one row of 4 pixels is stored where registers are no memory: indexed by literals alone, so that sums stay in
// them.

// Of each row that a block may have, channels 0–3, then 4–7.
struct BlockSums {
    low_0: mat4x4<f32>,
    high_0: mat4x4<f32>,
    low_1: mat4x4<f32>,
    high_1: mat4x4<f32>,
    low_2: mat4x4<f32>,
    high_2: mat4x4<f32>,
    low_3: mat4x4<f32>,
    high_3: mat4x4<f32>,
}

// Stores the part of a block's row that lies in the output. Its pixels are `step` columns apart, the first at (y, x).
fn store_block(sums: ptr<function, BlockSums>, n: u32, channel_block: u32, y: u32, x: u32, step: vec2<u32>) {
    store_four(at(params.output, n, 8u * channel_block, y, x), 8u * channel_block, x, step.y, (*sums).low_0);
    store_four(at(params.output, n, 8u * channel_block + 4u, y, x), 8u * channel_block + 4u, x, step.y, (*sums).high_0);
}

// 4 channels of 4 pixels, the first at index `start`.
fn store_four(start: u32, channel: u32, x: u32, step: u32, sums: mat4x4<f32>) {
    store_pixel(start, channel, x, sums[0]);
    store_pixel(start + step, channel, x + step, sums[1]);
    store_pixel(start + 2u * step, channel, x + 2u * step, sums[2]);
    store_pixel(start + 3u * step, channel, x + 3u * step, sums[3]);
}

fn store_pixel(index: u32, channel: u32, x: u32, sums: vec4<f32>) {
    if x < params.output_extent.w {
        store_channel(index, channel, sums.x);
        store_channel(index + params.output.channel, channel + 1u, sums.y);
        store_channel(index + 2u * params.output.channel, channel + 2u, sums.z);
        store_channel(index + 3u * params.output.channel, channel + 3u, sums.w);
    }
}

fn store_channel(index: u32, channel: u32, sum: f32) {
    if channel < params.output_extent.c {
        store_sum(index, channel, sum);
    }
}
