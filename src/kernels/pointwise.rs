//! A function of each number by itself, one of the [list](super::Function) for which the shader is specialised.

use super::functions::{for_each_function, value_text};
use super::{
    Extent, Function, KernelParams, Variant, View, check_choice, kernel, one_thread_per_element, samples,
    shader,
};

kernel! {
    "pointwise", "pointwise";
    parameters {
        /// Of the input.
        input: View,
        /// Of the output.
        output: View,
        /// Of both.
        extent: Extent,
        /// Which function.
        function: u32,
        /// Its first setting.
        a: f32,
        /// Its second setting.
        b: f32,
    }
    reads {
        input: Real, view(input, extent);
    }
    writes {
        output: Real, view(output, extent);
    }
}

/// Refuses a function that is none.
pub(super) fn check_function(function: u32) -> Result<(), String> {
    check_choice("function", function, Function::numbers().len() as u32 - 1)
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        concat!(
            shader!("shared/elementary"),
            for_each_function!(value_text),
            shader!("pointwise")
        ),
        |call| one_thread_per_element(call.extent),
    )
    .with_constants(|call| vec![("FUNCTION", call.function)])];

    fn check(&self) -> Result<(), String> {
        check_function(self.function)
    }

    fn samples() -> Vec<Params> {
        let sample = |&function: &u32| Params {
            input: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
            function,
            a: 0.5,
            b: 1.5,
        };
        Function::numbers().iter().map(sample).collect()
    }
}
