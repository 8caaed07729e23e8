//! Scale and shift per channel, `y = scale_c · x + shift_c`: batch normalisation in evaluation mode, input
//! normalisation. With shifts of 0 it is its own adjoint.

use super::{
    Extent, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, samples, shader,
};

kernel! {
    "affine", "affine";
    parameters {
        /// Of the input.
        input: View,
        /// Of the output.
        output: View,
        /// Of both.
        extent: Extent,
        /// 1: add to what `output` holds.
        accumulate: u32,
    }
    reads {
        input: Real, view(input, extent);
        // Scale and shift of each channel, in turn.
        coefficients: Float, first(|call| 2 * u64::from(call.extent.c));
    }
    writes {
        output: Real, view(output, extent), also_read(|call| call.accumulate == 1);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[Variant::<Params>::new("direct", shader!("affine"), |call| {
            one_thread_per_element(call.extent)
        })];

    fn check(&self) -> Result<(), String> {
        check_flags(&[("accumulate", self.accumulate)])
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            input: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
            accumulate: 0,
        }]
    }
}
