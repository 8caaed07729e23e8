//! Functions of single numbers, as `shaders/shared/elementary.wgsl` has them: without branches or calls, so that loops
//! over them are done several numbers at a time. Numbers have the shader's digits.

#![allow(clippy::excessive_precision, clippy::approx_constant)]

/// `above` if the condition holds, else `below`.
#[inline(always)]
pub(super) fn select(below: f32, above: f32, condition: bool) -> f32 {
    if condition { above } else { below }
}

/// The smaller one; `x` if it is no number.
#[inline(always)]
pub(super) fn min(x: f32, bound: f32) -> f32 {
    if x > bound { bound } else { x }
}

/// The larger one; `x` if it is no number.
#[inline(always)]
pub(super) fn max(x: f32, bound: f32) -> f32 {
    if x < bound { bound } else { x }
}

/// The nearest number of `low..=high`.
#[inline(always)]
fn clamp(x: f32, low: f32, high: f32) -> f32 {
    min(max(x, low), high)
}

/// Square root.
#[inline(always)]
pub(super) fn sqrt(x: f32) -> f32 {
    x.sqrt()
}

/// Magnitude.
#[inline(always)]
pub(super) fn abs(x: f32) -> f32 {
    x.abs()
}

/// 1, 0 or −1.
#[inline(always)]
pub(super) fn sign(x: f32) -> f32 {
    select(0.0, 1.0, x > 0.0) - select(0.0, 1.0, x < 0.0)
}

/// Natural logarithm.
#[inline(always)]
pub(super) fn logarithm(x: f32) -> f32 {
    x.ln()
}

/// `e^x` to 2 units in the last place: `2^n e^r` with `|r| ≤ ln 2 / 2` and the polynomial of the Cephes library for the
/// second factor.
#[inline(always)]
pub(super) fn exponential(x: f32) -> f32 {
    /// What a sum must be for its last place to be that of the units.
    const UNITS: f32 = 12_582_912.0;
    // Beyond these the result is 0 or infinite.
    let x = clamp(x, -150.0, 130.0);
    let shifted = x * std::f32::consts::LOG2_E + UNITS;
    let whole = shifted - UNITS;
    // ln 2 in two parts, the first of which has few digits.
    let rest = x - whole * 0.693_359_375 + whole * 2.121_944_4e-4;
    let mut sum = 1.987_569_2e-4 * rest + 1.398_2e-3;
    sum = sum * rest + 8.333_452e-3;
    sum = sum * rest + 4.166_579_6e-2;
    sum = sum * rest + 0.166_666_65;
    sum = sum * rest + 0.5;
    let power = sum * rest * rest + rest + 1.0;
    // In two halves, each of which is a normal number.
    let exponent = (shifted.to_bits() as i32).wrapping_sub(UNITS.to_bits() as i32);
    let half = exponent >> 1;
    let two_to = |exponent: i32| f32::from_bits((exponent.wrapping_add(127) as u32) << 23);
    power * two_to(half) * two_to(exponent.wrapping_sub(half))
}

/// `1/(1 + e^(−x))`, from a power that cannot overflow.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    let small = exponential(-abs(x));
    select(small, 1.0, x >= 0.0) / (1.0 + small)
}

/// Near 0 by a polynomial, where the difference would cancel.
#[inline(always)]
pub(super) fn hyperbolic_tangent(x: f32) -> f32 {
    let small = exponential(-2.0 * abs(x));
    let far = sign(x) * (1.0 - small) / (1.0 + small);
    let square = min(x * x, 1.0);
    let mut near = -5.704_988_7e-3 * square + 2.063_908_8e-2;
    near = near * square - 5.373_971e-2;
    near = near * square + 0.133_314_42;
    near = near * square - 0.333_332_82;
    select(far, near * square * x + x, abs(x) < 0.625)
}

/// `ln(1 + e^x)`: the larger of x and 0, and `2 artanh(e/(2 + e))` with `e = e^(−|x|)`.
#[inline(always)]
pub(super) fn softplus(x: f32) -> f32 {
    let small = exponential(-abs(x));
    let share = small / (2.0 + small);
    let square = share * share;
    let mut sum = 0.121_287_4 * square + 0.107_200_93;
    sum = sum * square + 0.143_078_06;
    sum = sum * square + 0.199_994_65;
    sum = sum * square + 0.333_333_37;
    max(x, 0.0) + 2.0 * (share + share * square * sum)
}

/// `e^(−x²/2)`.
#[inline(always)]
pub(super) fn bell(x: f32) -> f32 {
    let near = clamp(x, -20.0, 20.0);
    exponential(-0.5 * near * near)
}

/// `erf(z)/z` for `|z|` up to 1, of its square; to 1.2e-9 of its value.
#[inline(always)]
fn error_function_near(square: f32) -> f32 {
    let mut sum = 7.853_858e-5 * square - 8.010_192_5e-4;
    sum = sum * square + 5.188_327_7e-3;
    sum = sum * square - 2.685_381_1e-2;
    sum = sum * square + 0.112_835_854;
    sum = sum * square - 0.376_126_26;
    sum * square + 1.128_379_1
}

/// `(1 − erf(z)) e^(z²)` for `z` from 1 up; to 2e-9 of its value.
#[inline(always)]
fn error_function_tail(z: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.5 * z);
    let mut sum = -0.076_933_78 * t + 0.249_159_51;
    sum = sum * t - 0.245_713_26;
    sum = sum * t + 0.024_334_762;
    sum = sum * t - 0.024_972_554;
    sum = sum * t + 0.086_884_856;
    sum = sum * t + 0.176_036;
    sum = sum * t + 0.246_844_96;
    sum = sum * t + 0.282_094_6;
    (sum * t + 0.282_094_8) * t
}

/// Error function.
#[inline(always)]
pub(super) fn error_function(x: f32) -> f32 {
    let far = 1.0 - error_function_tail(max(abs(x), 1.0)) * bell(std::f32::consts::SQRT_2 * x);
    let near = min(abs(x), 1.0);
    select(sign(x) * far, x * error_function_near(near * near), abs(x) < 1.0)
}

/// The derivative of the error function.
#[inline(always)]
pub(super) fn error_function_slope(x: f32) -> f32 {
    1.128_379_2 * bell(1.414_213_5 * x)
}

/// The share of a normal distribution that lies below `x`.
#[inline(always)]
pub(super) fn normal_share(x: f32) -> f32 {
    let z = std::f32::consts::FRAC_1_SQRT_2 * abs(x);
    let tail = 0.5 * error_function_tail(max(z, 1.0)) * bell(x);
    let near = min(z, 1.0);
    let centre = 0.5 + 0.353_553_38 * x * error_function_near(near * near);
    select(select(tail, 1.0 - tail, x > 0.0), centre, z < 1.0)
}

/// Twice the argument of the hyperbolic tangent in GELU's approximation, of a number beyond which nothing changes.
#[inline(always)]
pub(super) fn gelu_cubic(x: f32) -> f32 {
    let near = clamp(x, -12.0, 12.0);
    1.595_769_1 * near * (1.0 + 0.044_715 * near * near)
}

/// Its derivative there.
#[inline(always)]
pub(super) fn gelu_cubic_slope(x: f32) -> f32 {
    let near = clamp(x, -12.0, 12.0);
    1.595_769_1 * (1.0 + 0.134_145 * near * near)
}

/// A power whose exponent is a multiple of ½, by products and a square root.
#[inline(always)]
pub(super) fn power(x: f32, exponent: f32) -> f32 {
    let magnitude = exponent.abs();
    let mut left = magnitude as u32;
    let mut square = x;
    let mut product = select(1.0, x.sqrt(), magnitude > left as f32);
    while left > 0 {
        if left & 1 == 1 {
            product *= square;
        }
        square *= square;
        left /= 2;
    }
    select(product, 1.0 / product, exponent < 0.0)
}
