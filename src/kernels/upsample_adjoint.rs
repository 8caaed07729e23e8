//! Adjoint of [`upsample`](super::upsample): each input pixel gathers, from the output pixels that it
//! contributed to, their gradient times its weight. A gather in a fixed order, so that repeats are
//! bit-identical.

use super::upsample::{BILINEAR, check_resampled};
use super::{
    Extent, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, samples, shader,
};

kernel! {
    "upsample_adjoint", "upsample_adjoint";
    parameters {
        /// Of the gradient of the resampled values.
        gradient: View,
        /// Of the gradient of the input.
        output: View,
        /// Of the input and its gradient.
        input_extent: Extent,
        /// Of the resampled values and their gradient.
        output_extent: Extent,
        /// As in [`upsample`](super::upsample).
        mode: u32,
        /// 1: add to what `output` holds.
        accumulate: u32,
    }
    reads {
        gradient: Real, view(gradient, output_extent);
    }
    writes {
        output: Real, view(output, input_extent), also_read(|call| call.accumulate == 1);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("shared/resample", "upsample_adjoint"),
        |call| one_thread_per_element(call.input_extent),
    )];

    fn check(&self) -> Result<(), String> {
        check_resampled(self.input_extent, self.output_extent, self.mode)?;
        check_flags(&[("accumulate", self.accumulate)])
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            gradient: samples::large_view(),
            output: samples::view(),
            input_extent: samples::extent(),
            output_extent: samples::large_extent(),
            mode: BILINEAR,
            accumulate: 0,
        }]
    }
}
