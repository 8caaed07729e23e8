//! Twin of [`kernels::pointwise`](crate::kernels::pointwise).

use super::elementary::{
    abs, error_function, exponential, gelu_cubic, hyperbolic_tangent, logarithm, max, min, normal_share,
    power, select, sigmoid, softplus, sqrt,
};
use super::rows::{for_each_row, row};
use crate::kernels::for_each_function;
use crate::kernels::pointwise::Params;

/// `output = f(input)`.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    macro_rules! of_the_function {
        ($x:ident, $a:ident, $b:ident; $(
            $(#[$doc:meta])* $number:literal, $name:ident $({ $($field:ident: $slot:ident),* })?, $value:expr,
            $slope:expr;
        )*) => {
            #[allow(unused_variables)]
            {
                let ($a, $b) = (params.a, params.b);
                match params.function {
                    $($number => each(params, input, output, |$x: f32| $value),)*
                    _ => {}
                }
            }
        };
    }
    for_each_function!(of_the_function);
}

/// A loop of its own for each function.
fn each(params: &Params, input: &[f32], output: &mut [f32], function: impl Fn(f32) -> f32 + Sync) {
    for_each_row(output, params.output, params.extent, |n, c, y, out| {
        let input = row(input, params.input, n, c, y, out.len());
        for (out, &value) in out.iter_mut().zip(input) {
            *out = function(value);
        }
    });
}
