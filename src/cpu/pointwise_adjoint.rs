//! Twin of [`kernels::pointwise_adjoint`](crate::kernels::pointwise_adjoint).

use super::elementary::{
    abs, bell, error_function_slope, exponential, gelu_cubic, gelu_cubic_slope, hyperbolic_tangent, min,
    normal_share, power, select, sigmoid, sign, softplus, sqrt,
};
use super::rows::{Unlike, for_each_piece, joined_alike, piece};
use super::vectors::vectorised;
use crate::kernels::for_each_function;
use crate::kernels::pointwise_adjoint::Params;

/// What becomes of the product of derivative and gradient.
#[derive(Clone, Copy)]
enum Mode {
    /// It is written.
    Put,
    /// It is added.
    Accumulate,
    /// It takes the gradient's place.
    InPlace,
}

/// `output = f′(input) · gradient`, or added to `output`; in place, `output` itself is the gradient, and `gradient` is
/// not read.
pub fn run(params: &Params, input: &[f32], gradient: &[f32], output: &mut [f32]) {
    macro_rules! of_the_function {
        ($x:ident, $a:ident, $b:ident; $(
            $(#[$doc:meta])* $number:literal, $name:ident $({ $($field:ident: $slot:ident),* })?, $value:expr,
            $slope:expr;
        )*) => {
            match params.function {
                $($number => {
                    // Loops of their own for each function, which stands in them.
                    vectorised! {
                        #[allow(unused_variables)]
                        fn each[](
                            out: &mut [f32],
                            input: &[f32],
                            gradient: &[f32],
                            mode: Mode,
                            $a: f32,
                            $b: f32,
                        ) {
                            match mode {
                                Mode::InPlace => {
                                    for (out, &$x) in out.iter_mut().zip(input) {
                                        *out *= $slope;
                                    }
                                }
                                Mode::Put => {
                                    for ((out, &$x), gradient) in out.iter_mut().zip(input).zip(gradient) {
                                        *out = ($slope) * gradient;
                                    }
                                }
                                Mode::Accumulate => {
                                    for ((out, &$x), gradient) in out.iter_mut().zip(input).zip(gradient) {
                                        *out += ($slope) * gradient;
                                    }
                                }
                            }
                        }
                    }
                    for_all(params, input, gradient, output, each);
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
    gradient: &[f32],
    output: &mut [f32],
    each: impl Fn(&mut [f32], &[f32], &[f32], Mode, f32, f32) + Sync,
) {
    let (mode, of_gradient) = match (params.in_place, params.accumulate) {
        (0, 0) => (Mode::Put, params.gradient),
        (0, _) => (Mode::Accumulate, params.gradient),
        _ => (Mode::InPlace, params.output),
    };
    let views = [params.output, params.input, of_gradient];
    let extent = joined_alike(views, params.extent, Unlike::Nothing);
    for_each_piece(output, params.output, extent, 1, |at, out| {
        let input = piece(input, params.input, at, out.len());
        let gradient = match mode {
            Mode::InPlace => &[],
            _ => piece(gradient, params.gradient, at, out.len()),
        };
        each(out, input, gradient, mode, params.a, params.b);
    });
}
