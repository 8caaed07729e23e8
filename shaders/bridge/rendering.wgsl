// A picture rendered into a texture that can be a render pass's target: one triangle that covers it.

@vertex
fn corner(@builtin(vertex_index) number: u32) -> @builtin(position) vec4<f32> {
    let x = select(-1.0, 3.0, number == 1u);
    let y = select(-1.0, 3.0, number == 2u);
    return vec4(x, y, 0.0, 1.0);
}

@fragment
fn render_picture(@builtin(position) place: vec4<f32>) -> @location(0) vec4<f32> {
    return colour(u32(place.y), u32(place.x));
}
