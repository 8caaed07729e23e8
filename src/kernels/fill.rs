//! One value everywhere: what a gradient begins with that only a window is written of.

use super::{Extent, KernelParams, Variant, View, kernel, one_thread_per_element, samples, shader};

kernel! {
    "fill", "fill";
    parameters {
        /// Of the output.
        output: View,
        /// Of the output.
        extent: Extent,
        /// What to write.
        value: f32,
    }
    reads {}
    writes {
        output: Real, view(output, extent);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[Variant::<Params>::new("direct", shader!("fill"), |call| {
            one_thread_per_element(call.extent)
        })];

    fn samples() -> Vec<Params> {
        vec![Params {
            output: samples::view(),
            extent: samples::extent(),
            value: 0.0,
        }]
    }
}
