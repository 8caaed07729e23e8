// The images of `update` as vectors of 4 values of one channel; shared/asma_scalars.wgsl has them as single numbers.
alias Values = vec4<f32>;
alias Flags = vec4<bool>;
const VALUES: u32 = 4u;

fn total(values: Values) -> f32 {
    return (values.x + values.y) + (values.z + values.w);
}

fn largest(values: Values) -> f32 {
    return max(max(values.x, values.y), max(values.z, values.w));
}

// Which of the 4 pixels from this one on the region has.
fn may_change(pixel: u32) -> Flags {
    return vec4(region[pixel], region[pixel + 1u], region[pixel + 2u], region[pixel + 3u]) != vec4(0u);
}
