//! Softmax over the channels of each pixel, with the largest logit subtracted first so that nothing overflows.
//! One thread per pixel.

use super::{Extent, KernelParams, Variant, View, kernel, one_thread_per_element, samples, shader};

kernel! {
    "softmax", "softmax";
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
        &[Variant::<Params>::new("direct", shader!("softmax"), |call| {
            one_thread_per_element(Extent { c: 1, ..call.extent })
        })];

    fn samples() -> Vec<Params> {
        vec![Params {
            input: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
        }]
    }
}
