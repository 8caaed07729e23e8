//! Adjoint of the logistic function, `dx = p (1−p) dy`, from its values `p`.

use super::{
    Extent, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, samples, shader,
};

kernel! {
    "sigmoid_adjoint", "sigmoid_adjoint";
    parameters {
        /// Of the probabilities.
        probabilities: View,
        /// Of their gradient.
        gradient: View,
        /// Of the gradient of the logits.
        output: View,
        /// Of all three.
        extent: Extent,
        /// 1: add to what `output` holds.
        accumulate: u32,
    }
    reads {
        probabilities: Real, view(probabilities, extent);
        gradient: Real, view(gradient, extent);
    }
    writes {
        output: Real, view(output, extent), also_read(|call| call.accumulate == 1);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("sigmoid_adjoint"),
        |call| one_thread_per_element(call.extent),
    )];

    fn check(&self) -> Result<(), String> {
        check_flags(&[("accumulate", self.accumulate)])
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            probabilities: samples::view(),
            gradient: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
            accumulate: 0,
        }]
    }
}
