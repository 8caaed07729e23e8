//! Exponential linear unit, elementwise: `x` above 0, `α (eˣ − 1)` below.

use super::{Extent, KernelParams, Variant, View, kernel, one_thread_per_element, samples, shader};

kernel! {
    "elu", "elu";
    parameters {
        /// Of the input.
        input: View,
        /// Of the output.
        output: View,
        /// Of both.
        extent: Extent,
        /// α.
        alpha: f32,
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
        &[Variant::<Params>::new("direct", shader!("elu"), |call| {
            one_thread_per_element(call.extent)
        })];

    fn samples() -> Vec<Params> {
        vec![Params {
            input: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
            alpha: 1.0,
        }]
    }
}
