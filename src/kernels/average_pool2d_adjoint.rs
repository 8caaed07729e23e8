//! Adjoint of [`average_pool2d`]: each input pixel gathers the gradient of the windows that cover
//! it, each divided by how many of the window's places count.

use super::average_pool2d;
use super::{
    Extent, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, samples, shader,
};

kernel! {
    "average_pool2d_adjoint", "average_pool2d_adjoint";
    parameters {
        /// Of the gradient of the pooled values.
        gradient: View,
        /// Of the gradient of the input.
        output: View,
        /// Of the input and its gradient.
        input_extent: Extent,
        /// Of the pooled values and their gradient.
        output_extent: Extent,
        /// Rows and columns of a window.
        kernel: [u32; 2],
        /// Distance between windows, rows and columns.
        stride: [u32; 2],
        /// Rows above and columns left of the image that windows may cover.
        padding: [u32; 2],
        /// Rows above and columns left of the image that count.
        counted_before: [u32; 2],
        /// Rows below and columns right of the image that count.
        counted_after: [u32; 2],
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

impl Params {
    /// The call that this is the adjoint of, but for where its tensors lie.
    pub(crate) fn pooling(&self) -> average_pool2d::Params {
        average_pool2d::Params {
            input: self.output,
            output: self.gradient,
            input_extent: self.input_extent,
            output_extent: self.output_extent,
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            counted_before: self.counted_before,
            counted_after: self.counted_after,
        }
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("shared/average", "average_pool2d_adjoint"),
        |call| one_thread_per_element(call.input_extent),
    )];

    fn check(&self) -> Result<(), String> {
        self.pooling().check()?;
        check_flags(&[("accumulate", self.accumulate)])
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            gradient: samples::view(),
            output: samples::large_view(),
            input_extent: samples::large_extent(),
            output_extent: samples::extent(),
            kernel: [2; 2],
            stride: [2; 2],
            padding: [0; 2],
            counted_before: [0; 2],
            counted_after: [0; 2],
            accumulate: 0,
        }]
    }
}
