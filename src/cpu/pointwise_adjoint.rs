//! Twin of [`kernels::pointwise_adjoint`](crate::kernels::pointwise_adjoint).

use super::elementary::{
    bell, error_function_slope, exponential, gelu_cubic, gelu_cubic_slope, hyperbolic_tangent, min,
    normal_share, power, select, sigmoid, sign, softplus, sqrt,
};
use super::rows::{for_each_row, put, row};
use crate::kernels::for_each_function;
use crate::kernels::pointwise_adjoint::Params;

/// `output = f′(input) · gradient`, or added to `output`; in place, `output` itself is the gradient, and `gradient` is
/// not read.
pub fn run(params: &Params, input: &[f32], gradient: &[f32], output: &mut [f32]) {
    macro_rules! of_the_function {
        ($x:ident, $a:ident, $b:ident; $(
            $(#[$doc:meta])* $number:literal, $name:ident $({ $($field:ident: $slot:ident),* })?, $value:expr,
            $slope:expr;
        )*) => {
            #[allow(unused_variables)]
            {
                let ($a, $b) = (params.a, params.b);
                match params.function {
                    $($number => each(params, input, gradient, output, |$x: f32| $slope),)*
                    _ => {}
                }
            }
        };
    }
    for_each_function!(of_the_function);
}

/// A loop of its own for each function.
fn each(
    params: &Params,
    input: &[f32],
    gradient: &[f32],
    output: &mut [f32],
    slope: impl Fn(f32) -> f32 + Sync,
) {
    let accumulate = params.accumulate != 0;
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let input = row(input, params.input, n, c, y, out.len());
        if params.in_place != 0 {
            for (out, &value) in out.iter_mut().zip(input) {
                *out *= slope(value);
            }
        } else {
            let gradient = row(gradient, params.gradient, n, c, y, out.len());
            for ((out, &value), gradient) in out.iter_mut().zip(input).zip(gradient) {
                put(out, slope(value) * gradient, accumulate);
            }
        }
    });
}
