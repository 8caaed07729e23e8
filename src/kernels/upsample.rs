//! Resampling to another size. `NEAREST`: source index `⌊i·in/out⌋`. `BILINEAR`: source coordinate
//! `max(0, (i+½)·in/out − ½)`. `BILINEAR_ALIGNED`: corners on corners, `i·(in−1)/(out−1)`. As in PyTorch's
//! `interpolate`.

use super::{
    Extent, KernelParams, Variant, View, check_choice, kernel, one_thread_per_element, samples, shader,
};

/// The nearest source pixel.
pub const NEAREST: u32 = 0;
/// Bilinear, pixels as areas (`align_corners = false`).
pub const BILINEAR: u32 = 1;
/// Bilinear, corner pixels on corner pixels (`align_corners = true`).
pub const BILINEAR_ALIGNED: u32 = 2;

kernel! {
    "upsample", "upsample";
    parameters {
        /// Of the input.
        input: View,
        /// Of the output.
        output: View,
        /// Of the input.
        input_extent: Extent,
        /// Of the output.
        output_extent: Extent,
        /// [`NEAREST`], [`BILINEAR`] or [`BILINEAR_ALIGNED`].
        mode: u32,
    }
    reads {
        input: Real, view(input, input_extent);
    }
    writes {
        output: Real, view(output, output_extent);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("shared/resample", "upsample"),
        |call| one_thread_per_element(call.output_extent),
    )];

    fn check(&self) -> Result<(), String> {
        check_resampled(self.input_extent, self.output_extent, self.mode)
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            input: samples::view(),
            output: samples::large_view(),
            input_extent: samples::extent(),
            output_extent: samples::large_extent(),
            mode: BILINEAR,
        }]
    }
}

/// Resampling leaves samples and channels as they are, and finds no pixel in nothing.
pub(super) fn check_resampled(input: Extent, output: Extent, mode: u32) -> Result<(), String> {
    super::max_pool2d::check_pooled(input, output)?;
    if (input.elements() == 0) != (output.elements() == 0) {
        return Err("it makes pixels of nothing, or nothing of pixels".into());
    }
    check_choice("mode", mode, BILINEAR_ALIGNED)
}
