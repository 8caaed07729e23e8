//! Functions of one number and of two.

use asma::graph::ops::{Function, Operation};

/// The value of `function` at `x`.
pub fn value(function: Function, x: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    match function {
        Function::Clip { low, high } => x.clamp(low.into(), high.into()),
        Function::HardSigmoid { alpha, beta } => (f64::from(alpha) * x + f64::from(beta)).clamp(0.0, 1.0),
        Function::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        Function::Silu => x * sigmoid(x),
        Function::Gelu => 0.5 * x * (1.0 + error_function(x / 2f64.sqrt())),
        Function::GeluTanh => x * sigmoid((8.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))),
        Function::Tanh => x.tanh(),
        Function::Softplus => softplus(x),
        Function::Sigmoid => sigmoid(x),
        Function::Elu { .. } if x > 0.0 => x,
        Function::Elu { alpha } => f64::from(alpha) * x.exp_m1(),
        Function::Exp => x.exp(),
        Function::Sqrt => x.sqrt(),
        Function::Abs => x.abs(),
        Function::Reciprocal => 1.0 / x,
        Function::Negate => -x,
        Function::Power { exponent } => x.powf(exponent.into()),
        Function::Log => x.ln(),
        Function::Erf => error_function(x),
        Function::Mish => x * softplus(x).tanh(),
        Function::Softsign => x / (1.0 + x.abs()),
    }
}

/// What `operation` makes of two numbers.
pub fn arithmetic(operation: Operation, a: f64, b: f64) -> f64 {
    match operation {
        Operation::Add => a + b,
        Operation::Subtract => a - b,
        Operation::Multiply => a * b,
        Operation::Divide => a / b,
        Operation::Maximum => a.max(b),
        Operation::Minimum => a.min(b),
    }
}

/// `2/√π e^(−x²) Σ 2^k x^(2k+1) / (2k+1)!!`, whose terms all have one sign.
fn error_function(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for k in 1..200 {
        term *= 2.0 * x * x / (2 * k + 1) as f64;
        sum += term;
    }
    2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp() * sum
}
