//! Adjoint of a function of each number by itself, from what it was applied to: the gradient times the derivative.

use super::functions::{for_each_function, slope_text};
use super::pointwise::check_function;
use super::{
    Extent, Function, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, samples,
    shader,
};

kernel! {
    "pointwise_adjoint", "pointwise_adjoint";
    parameters {
        /// Of the function's input.
        input: View,
        /// Of the gradient of its output.
        gradient: View,
        /// Of the gradient of its input.
        output: View,
        /// Of all three.
        extent: Extent,
        /// Which function.
        function: u32,
        /// Its first setting.
        a: f32,
        /// Its second setting.
        b: f32,
        /// 1: the incoming gradient stands in `output` and is replaced there.
        in_place: u32,
        /// 1: add to what `output` holds. Not together with `in_place`.
        accumulate: u32,
    }
    reads {
        input: Real, view(input, extent);
        gradient: Real, view(gradient, extent), when(|call| call.in_place == 0);
    }
    writes {
        output: Real, view(output, extent), also_read(|call| (call.in_place | call.accumulate) == 1);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        concat!(
            shader!("shared/elementary"),
            for_each_function!(slope_text),
            shader!("pointwise_adjoint")
        ),
        |call| one_thread_per_element(call.extent),
    )
    .with_constants(|call| vec![("FUNCTION", call.function)])];

    fn check(&self) -> Result<(), String> {
        check_function(self.function)?;
        check_flags(&[("in_place", self.in_place), ("accumulate", self.accumulate)])?;
        match self.in_place + self.accumulate {
            2 => Err("it would both replace and add to what `output` holds".into()),
            _ => Ok(()),
        }
    }

    fn samples() -> Vec<Params> {
        let sample = |&function: &u32| Params {
            input: samples::view(),
            gradient: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
            function,
            a: 0.5,
            b: 1.5,
            in_place: 0,
            accumulate: 0,
        };
        Function::numbers().iter().map(sample).collect()
    }
}
