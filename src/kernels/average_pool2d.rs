//! Average pooling: the sum over each window, divided by how many of its places count. All that lie in the image do, and
//! of those around it a border that may be narrower than what windows cover; the values there are 0.

use super::{
    Extent, KernelParams, Variant, View, check_reach, check_windows, kernel, one_thread_per_element, samples,
    shader,
};

kernel! {
    "average_pool2d", "average_pool2d";
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
        /// Rows above and columns left of the image that count: no more than the padding.
        counted_before: [u32; 2],
        /// Rows below and columns right of the image that count.
        counted_after: [u32; 2],
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
        shader!("shared/average", "average_pool2d"),
        |call| one_thread_per_element(call.output_extent),
    )];

    fn check(&self) -> Result<(), String> {
        check_windows(self.kernel, self.stride, self.padding)?;
        check_windows(self.kernel, self.stride, self.counted_after)?;
        check_reach(self.output_extent, self.kernel, self.stride, self.padding)?;
        check_reach(self.input_extent, self.kernel, self.stride, self.padding)?;
        super::max_pool2d::check_pooled(self.input_extent, self.output_extent)?;
        let inputs = [self.input_extent.h, self.input_extent.w];
        let outputs = [self.output_extent.h, self.output_extent.w];
        (0..2).try_for_each(|axis| self.check_counted(axis, inputs[axis], outputs[axis]))
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
            counted_before: [0; 2],
            counted_after: [0; 2],
        }]
    }
}

impl Params {
    /// Refuses windows of which no place counts.
    fn check_counted(&self, axis: usize, inputs: u32, outputs: u32) -> Result<(), String> {
        let [kernel, stride, padding, before, after] = [
            self.kernel[axis],
            self.stride[axis],
            self.padding[axis],
            self.counted_before[axis],
            self.counted_after[axis],
        ]
        .map(u64::from);
        let last = u64::from(outputs.saturating_sub(1)) * stride;
        let counted = before + u64::from(inputs) + after;
        let first_counts = before <= padding && kernel > padding - before && counted > 0;
        match first_counts && last < padding - before + counted {
            true => Ok(()),
            false => Err(format!(
                "of {outputs} windows of {kernel}, the first {padding} before {inputs} places, some have none that counts"
            )),
        }
    }
}
