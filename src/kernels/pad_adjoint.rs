//! Adjoint of [`pad`](super::pad): each input pixel gathers the gradient of every place that shows it; where
//! the border repeats or mirrors pixels, of the border's places too.

use super::pad::{CONSTANT, check_bordered};
use super::{
    Extent, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, samples, shader,
};

kernel! {
    "pad_adjoint", "pad_adjoint";
    parameters {
        /// Of the gradient with the border.
        gradient: View,
        /// Of the gradient without it.
        output: View,
        /// Without the border.
        input_extent: Extent,
        /// With the border.
        output_extent: Extent,
        /// Rows of border above.
        top: u32,
        /// Columns of border to the left.
        left: u32,
        /// As in [`pad`](super::pad).
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
        shader!("shared/border", "pad_adjoint"),
        |call| one_thread_per_element(call.input_extent),
    )];

    fn check(&self) -> Result<(), String> {
        check_bordered(
            self.input_extent,
            self.output_extent,
            [self.top, self.left],
            self.mode,
        )?;
        check_flags(&[("accumulate", self.accumulate)])
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            gradient: samples::large_view(),
            output: samples::view(),
            input_extent: samples::extent(),
            output_extent: samples::large_extent(),
            top: 8,
            left: 8,
            mode: CONSTANT,
            accumulate: 0,
        }]
    }
}
