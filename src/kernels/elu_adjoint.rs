//! Adjoint of the exponential linear unit, from its values `y`: the gradient times 1 above 0, times `y + α` below.

use super::{
    Extent, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, samples, shader,
};

kernel! {
    "elu_adjoint", "elu_adjoint";
    parameters {
        /// Of the values.
        values: View,
        /// Of their gradient.
        gradient: View,
        /// Of the gradient of the input.
        output: View,
        /// Of all three.
        extent: Extent,
        /// α.
        alpha: f32,
        /// 1: add to what `output` holds.
        accumulate: u32,
    }
    reads {
        values: Real, view(values, extent);
        gradient: Real, view(gradient, extent);
    }
    writes {
        output: Real, view(output, extent), also_read(|call| call.accumulate == 1);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[Variant::<Params>::new("direct", shader!("elu_adjoint"), |call| {
            one_thread_per_element(call.extent)
        })];

    fn check(&self) -> Result<(), String> {
        check_flags(&[("accumulate", self.accumulate)])
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            values: samples::view(),
            gradient: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
            alpha: 1.0,
            accumulate: 0,
        }]
    }
}
