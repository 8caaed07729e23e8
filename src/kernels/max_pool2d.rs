//! Max pooling: the largest value in each window; places outside the image count as −∞.

use super::{
    Extent, KernelParams, Variant, View, check_reach, check_windows, kernel, one_thread_per_element, samples,
    shader,
};

kernel! {
    "max_pool2d", "max_pool2d";
    parameters {
        /// Of the input.
        input: View,
        /// Of the output.
        output: View,
        /// Of the input.
        input_extent: Extent,
        /// Of the output.
        output_extent: Extent,
        /// Rows and columns of a window.
        kernel: [u32; 2],
        /// Distance between windows, rows and columns.
        stride: [u32; 2],
        /// Rows above and columns left of the image that windows may cover.
        padding: [u32; 2],
    }
    reads {
        input: Real, view(input, input_extent);
    }
    writes {
        output: Real, view(output, output_extent);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[Variant::<Params>::new("direct", shader!("max_pool2d"), |call| {
            one_thread_per_element(call.output_extent)
        })];

    fn check(&self) -> Result<(), String> {
        check_windows(self.kernel, self.stride, self.padding)?;
        check_reach(self.output_extent, self.kernel, self.stride, self.padding)?;
        check_reach(self.input_extent, self.kernel, self.stride, self.padding)?;
        check_pooled(self.input_extent, self.output_extent)
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            input: samples::large_view(),
            output: samples::view(),
            input_extent: samples::large_extent(),
            output_extent: samples::extent(),
            kernel: [2; 2],
            stride: [2; 2],
            padding: [0; 2],
        }]
    }
}

/// Pooling leaves samples and channels as they are.
pub(super) fn check_pooled(input: Extent, output: Extent) -> Result<(), String> {
    match (input.n, input.c) == (output.n, output.c) {
        true => Ok(()),
        false => Err(format!(
            "{}×{} samples and channels cannot become {}×{}",
            input.n, input.c, output.n, output.c
        )),
    }
}
