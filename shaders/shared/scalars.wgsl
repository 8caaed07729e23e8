// Images as single numbers; shared/vectors.wgsl has them as vectors.
alias Values = f32;
alias Words = u32;
alias Flags = bool;
const VALUES: u32 = 1u;

fn total(values: Values) -> f32 {
    return values;
}

fn largest(values: Values) -> f32 {
    return values;
}

// The exponents of numbers, where their bits have them: a device may take for granted that no number is infinite or not a
// number, but not what bits are.
fn exponents(values: Values) -> Words {
    return bitcast<Words>(values) & Words(NOT_FINITE_EXPONENT);
}

fn largest_word(words: Words) -> u32 {
    return words;
}

// Whether the region has a pixel.
fn may_change(pixel: u32) -> Flags {
    return region[pixel] != 0u;
}

// The elements from this one on.
fn elements_from(first: u32) -> Words {
    return first;
}
