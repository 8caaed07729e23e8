//! Twin of [`kernels::pointwise`](crate::kernels::pointwise).

use super::elementary::{
    abs, error_function, exponential, gelu_cubic, hyperbolic_tangent, logarithm, max, min, normal_share,
    power, select, sigmoid, softplus, sqrt,
};
use super::rows::{Unlike, for_each_piece, joined_alike, piece};
use super::vectors::vectorised;
use crate::kernels::for_each_function;
use crate::kernels::pointwise::Params;

/// `output = f(input)`.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    macro_rules! of_the_function {
        ($x:ident, $a:ident, $b:ident; $(
            $(#[$doc:meta])* $number:literal, $name:ident $({ $($field:ident: $slot:ident),* })?, $value:expr,
            $slope:expr;
        )*) => {
            match params.function {
                $($number => {
                    // A loop of its own for each function, which stands in it.
                    vectorised! {
                        #[allow(unused_variables)]
                        fn each[](out: &mut [f32], input: &[f32], $a: f32, $b: f32) {
                            for (out, &$x) in out.iter_mut().zip(input) {
                                *out = $value;
                            }
                        }
                    }
                    for_all(params, input, output, each);
                })*
                _ => {}
            }
        };
    }
    for_each_function!(of_the_function);
}

fn for_all(
    params: &Params,
    input: &[f32],
    output: &mut [f32],
    each: impl Fn(&mut [f32], &[f32], f32, f32) + Sync,
) {
    let extent = joined_alike([params.output, params.input], params.extent, Unlike::Nothing);
    for_each_piece(output, params.output, extent, 1, |at, out| {
        let input = piece(input, params.input, at, out.len());
        each(out, input, params.a, params.b);
    });
}
