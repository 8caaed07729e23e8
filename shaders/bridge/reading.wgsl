// A texture of the host's to an image of 1 or 3 channels, values from 0 to 1. One thread per pixel.

struct Params {
    image: View,
    extent: Extent,
    // 1 where the texture holds amounts of light.
    is_light: u32,
    // Of an 8-bit texture 255, which the values are rounded to: what they were before a device made light of them.
    levels: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var texture: texture_2d<f32>;
@group(0) @binding(2) var<storage, read_write> image: array<f32>;

@compute @workgroup_size(64)
fn read_texture(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let position = position(params.extent, workgroup, workgroups, thread);
    if !position.inside {
        return;
    }
    let texel = textureLoad(texture, vec2<u32>(position.x, position.y), 0);
    for (var channel = 0u; channel < params.extent.c; channel++) {
        var value = clamp(texel[channel], 0.0, 1.0);
        if params.is_light == 1u {
            value = clamp(from_light(value), 0.0, 1.0);
        }
        image[at(params.image, 0u, channel, position.y, position.x)] = to_level(value, params.levels);
    }
}
