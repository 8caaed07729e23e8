// Put in front of kernels that compute functions of single numbers. The twins stand in src/cpu/elementary.rs.

fn exponential(x: f32) -> f32 {
    return exp(x);
}

fn logarithm(x: f32) -> f32 {
    return log(x);
}

// 1/(1 + e^(-x)), from a power that cannot overflow.
fn sigmoid(x: f32) -> f32 {
    let small = exp(-abs(x));
    return select(small, 1.0, x >= 0.0) / (1.0 + small);
}

// Near 0 by a polynomial, where the difference would cancel.
fn hyperbolic_tangent(x: f32) -> f32 {
    let small = exp(-2.0 * abs(x));
    let far = sign(x) * (1.0 - small) / (1.0 + small);
    let square = min(x * x, 1.0);
    var near = -5.7049887e-3 * square + 2.0639088e-2;
    near = near * square - 5.373971e-2;
    near = near * square + 1.3331442e-1;
    near = near * square - 3.3333282e-1;
    return select(far, near * square * x + x, abs(x) < 0.625);
}

// ln(1 + e^x): the larger of x and 0, and 2 artanh(e/(2 + e)) with e = e^(-|x|).
fn softplus(x: f32) -> f32 {
    let small = exp(-abs(x));
    let share = small / (2.0 + small);
    let square = share * share;
    var sum = 0.1212874 * square + 0.10720093;
    sum = sum * square + 0.14307806;
    sum = sum * square + 0.19999465;
    sum = sum * square + 0.33333337;
    return max(x, 0.0) + 2.0 * (share + share * square * sum);
}

// e^(-x²/2)
fn bell(x: f32) -> f32 {
    let near = clamp(x, -20.0, 20.0);
    return exp(-0.5 * near * near);
}

// erf(z)/z for |z| up to 1, of its square.
fn error_function_near(square: f32) -> f32 {
    var sum = 7.853858e-5 * square - 8.0101925e-4;
    sum = sum * square + 5.1883277e-3;
    sum = sum * square - 2.6853811e-2;
    sum = sum * square + 0.112835854;
    sum = sum * square - 0.37612626;
    return sum * square + 1.1283791;
}

// (1 - erf(z)) e^(z²) for z from 1 up.
fn error_function_tail(z: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.5 * z);
    var sum = -0.07693378 * t + 0.24915951;
    sum = sum * t - 0.24571326;
    sum = sum * t + 0.024334762;
    sum = sum * t - 0.024972554;
    sum = sum * t + 0.086884856;
    sum = sum * t + 0.176036;
    sum = sum * t + 0.24684496;
    sum = sum * t + 0.2820946;
    return (sum * t + 0.2820948) * t;
}

fn error_function(x: f32) -> f32 {
    let far = 1.0 - error_function_tail(max(abs(x), 1.0)) * bell(1.4142135 * x);
    let near = min(abs(x), 1.0);
    return select(sign(x) * far, x * error_function_near(near * near), abs(x) < 1.0);
}

fn error_function_slope(x: f32) -> f32 {
    return 1.1283792 * bell(1.4142135 * x);
}

// The share of a normal distribution that lies below x.
fn normal_share(x: f32) -> f32 {
    let z = 0.70710677 * abs(x);
    let tail = 0.5 * error_function_tail(max(z, 1.0)) * bell(x);
    let near = min(z, 1.0);
    let centre = 0.5 + 0.35355338 * x * error_function_near(near * near);
    return select(select(tail, 1.0 - tail, x > 0.0), centre, z < 1.0);
}

// Twice the argument of the hyperbolic tangent in GELU's approximation, of a number beyond which nothing changes.
fn gelu_cubic(x: f32) -> f32 {
    let near = clamp(x, -12.0, 12.0);
    return 1.5957691 * near * (1.0 + 0.044715 * near * near);
}

fn gelu_cubic_slope(x: f32) -> f32 {
    let near = clamp(x, -12.0, 12.0);
    return 1.5957691 * (1.0 + 0.134145 * near * near);
}

// A power whose exponent is a multiple of a half, by products and a square root.
fn power(x: f32, exponent: f32) -> f32 {
    let magnitude = abs(exponent);
    var left = u32(magnitude);
    var square = x;
    var product = select(1.0, sqrt(x), magnitude > f32(left));
    while left > 0u {
        if (left & 1u) == 1u {
            product *= square;
        }
        square *= square;
        left /= 2u;
    }
    return select(product, 1.0 / product, exponent < 0.0);
}
