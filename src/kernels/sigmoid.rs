//! The logistic function `1/(1+e^(−x))`, computed from `e^(−|x|)` so that nothing overflows.

use super::{Extent, KernelParams, Variant, View, kernel, one_thread_per_element, samples, shader};

kernel! {
    "sigmoid", "sigmoid";
    parameters {
        /// Of the logits.
        input: View,
        /// Of the probabilities.
        output: View,
        /// Of both.
        extent: Extent,
    }
    reads {
        input: Real, view(input, extent);
    }
    writes {
        output: Real, view(output, extent);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[Variant::<Params>::new("direct", shader!("sigmoid"), |call| {
            one_thread_per_element(call.extent)
        })];

    fn samples() -> Vec<Params> {
        vec![Params {
            input: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
        }]
    }
}
