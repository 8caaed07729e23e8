//! Slope activation, `y = x` for `x ≥ 0` and `slope_c · x` below: ReLU (slope 0), LeakyReLU, PReLU (a slope
//! per channel). The convolutions do the same in their epilogue; this kernel is for where there is none.

use super::{Extent, KernelParams, Variant, View, kernel, one_thread_per_element, samples, shader};

kernel! {
    "slope", "slope";
    parameters {
        /// Of the input.
        input: View,
        /// Of the output.
        output: View,
        /// Of both.
        extent: Extent,
    }
    reads {
        input: Real, view(input, extent);
        // One for each channel.
        slopes: Float, first(|call| call.extent.c.into());
    }
    writes {
        output: Real, view(output, extent);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[Variant::<Params>::new("direct", shader!("slope"), |call| {
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
