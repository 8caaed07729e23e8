// Images as vectors of 4 values of one channel; shared/scalars.wgsl has them as single numbers.
alias Values = vec4<f32>;
alias Words = vec4<u32>;
alias Flags = vec4<bool>;
const VALUES: u32 = 4u;

fn total(values: Values) -> f32 {
    return (values.x + values.y) + (values.z + values.w);
}

fn largest(values: Values) -> f32 {
    return max(max(values.x, values.y), max(values.z, values.w));
}

// The exponents of numbers, where their bits have them: a device may take for granted that no number is infinite or not a
// number, but not what bits are.
fn exponents(values: Values) -> Words {
    return bitcast<Words>(values) & Words(NOT_FINITE_EXPONENT);
}

fn largest_word(words: Words) -> u32 {
    return max(max(words.x, words.y), max(words.z, words.w));
}

// Which of the 4 pixels from this one on the region has.
fn may_change(pixel: u32) -> Flags {
    return vec4(region[pixel], region[pixel + 1u], region[pixel + 2u], region[pixel + 3u]) != vec4(0u);
}

// The elements from this one on.
fn elements_from(first: u32) -> Words {
    return vec4(first, first + 1u, first + 2u, first + 3u);
}
