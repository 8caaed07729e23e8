// How an attack with a budget moves an image value: which way, how far, and back within the budget and the box. On Values,
// which shared/scalars.wgsl or shared/vectors.wgsl brings.

// A number from −1 to 1 that seed and place alone decide: the PCG hash, permuted congruential (O'Neill, 2014), of 24 bits.
fn hashed(words: Words) -> Words {
    let state = words * Words(747796405u) + Words(2891336453u);
    let word = ((state >> ((state >> Words(28u)) + Words(4u))) ^ state) * Words(277803737u);
    return (word >> Words(22u)) ^ word;
}

fn noise(seed: u32, elements: Words) -> Values {
    let word = hashed(hashed(elements) ^ Words(seed));
    return Values(word >> Words(8u)) * (2.0 / 16777216.0) - Values(1.0);
}

// What a distance to the source is multiplied by, so that the whole of it is no longer than `radius`.
fn shrink(radius: f32, squares: f32) -> f32 {
    let length = sqrt(squares);
    return select(1.0, radius / length, length > radius);
}

// `value` no further from `origin` than `radius`, and in the box.
fn within_largest(value: Values, origin: Values, radius: f32) -> Values {
    return clamp(clamp(value, origin - radius, origin + radius), Values(), Values(1.0));
}

// `value` with its distance to `origin` multiplied by `factor`, and in the box.
fn within_length(value: Values, origin: Values, factor: f32) -> Values {
    return clamp(origin + (value - origin) * factor, Values(), Values(1.0));
}
