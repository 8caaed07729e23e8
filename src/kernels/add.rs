//! Elementwise sum of two tensors of one shape.

use super::{Extent, KernelParams, Variant, View, kernel, one_thread_per_element, samples, shader};

kernel! {
    "add", "add";
    parameters {
        /// Of the first summand.
        left: View,
        /// Of the second summand.
        right: View,
        /// Of the sum.
        output: View,
        /// Of all three.
        extent: Extent,
    }
    reads {
        left: Real, view(left, extent);
        right: Real, view(right, extent);
    }
    writes {
        output: Real, view(output, extent);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[Variant::<Params>::new("direct", shader!("add"), |call| {
            one_thread_per_element(call.extent)
        })];

    fn samples() -> Vec<Params> {
        vec![Params {
            left: samples::view(),
            right: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
        }]
    }
}
