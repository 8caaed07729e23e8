// Put in front of `average_pool2d` and `average_pool2d_adjoint`.

// How many places of a window count: those in the image and in the border around it that counts.
fn counted(window: vec2<u32>) -> f32 {
    let corner = window * params.stride;
    let size = vec2(params.input_extent.h, params.input_extent.w);
    let first = max(corner, params.padding - params.counted_before);
    let end = min(corner + params.kernel, params.padding + size + params.counted_after);
    let places = vec2<f32>(end - first);
    return places.x * places.y;
}
