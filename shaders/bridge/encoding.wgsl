// Between the numbers of image files and amounts of light, as IEC 61966-2-1 (sRGB) has it.

fn to_light(encoded: f32) -> f32 {
    return select(pow((encoded + 0.055) / 1.055, 2.4), encoded / 12.92, encoded <= 0.04045);
}

fn from_light(light: f32) -> f32 {
    return select(1.055 * pow(light, 1.0 / 2.4) - 0.055, 12.92 * light, light <= 0.0031308);
}

// The nearest of evenly spaced levels from 0 to 1; the value itself if there are none.
fn to_level(value: f32, levels: f32) -> f32 {
    return select(value, floor(value * levels + 0.5) / levels, levels > 0.0);
}
