// A picture stored into a texture that shaders can write; `rgba8unorm` becomes the texture's format. One thread per pixel.

@group(0) @binding(5) var texture: texture_storage_2d<rgba8unorm, write>;

@compute @workgroup_size(64)
fn store_picture(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let position = position(params.extent, workgroup, workgroups, thread);
    if position.inside {
        textureStore(texture, vec2(position.x, position.y), colour(position.y, position.x));
    }
}
