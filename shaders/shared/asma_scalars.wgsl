// The images of `update` as single numbers; shared/asma_vectors.wgsl has them as vectors.
alias Values = f32;
alias Flags = bool;
const VALUES: u32 = 1u;

fn total(values: Values) -> f32 {
    return values;
}

fn largest(values: Values) -> f32 {
    return values;
}

// Whether the region has a pixel.
fn may_change(pixel: u32) -> Flags {
    return region[pixel] != 0u;
}
