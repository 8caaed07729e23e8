//! Convolution of each channel by itself, with the bias and slope activation of [`conv2d`] in the epilogue.
//! The same sums as there, for groups of one in channel, each of which gives one or more out channels; or the other way
//! round, as the input gradient of such a convolution has it. Each value goes into a few products only, so that memory
//! traffic is all that counts, and no matrix is made of it.

use super::conv2d::{self, of_fields};
use super::{Extent, KernelParams, Variant, View, kernel, one_thread_per_element, samples, shader};

kernel! {
    "depthwise_conv2d", "depthwise_conv2d";
    parameters {
        /// Of the input.
        input: View,
        /// Of the output.
        output: View,
        /// Of the input.
        input_extent: Extent,
        /// Of the output.
        output_extent: Extent,
        /// Rows and columns of the kernel.
        kernel: [u32; 2],
        /// Distance between windows, rows and columns.
        stride: [u32; 2],
        /// Rows of zeros above and columns of zeros left of the input. As many stand below and right of it as the output's
        /// extent asks for.
        padding: [u32; 2],
        /// Distance between taps of the kernel, rows and columns.
        dilation: [u32; 2],
        /// Out channels in `weight`, a multiple of [`CHANNEL_BLOCK`](conv2d::CHANNEL_BLOCK).
        padded_out_channels: u32,
        /// 1: add to what `output` holds (after the epilogue, before the gate).
        accumulate: u32,
        /// 1: the epilogue is the adjoint of a slope activation, of which `gate` holds the values, laid out as `output`
        /// is: where they are not above 0, what `output` would hold is multiplied by the slope. There is no bias then.
        gated: u32,
        /// Groups of channels, each of which is convolved by itself.
        groups: u32,
    }
    reads {
        input: Real, view(input, input_extent);
        // [in channels of a group][kernel rows][kernel columns][padded out channels]
        weight: Real, first(|call| call.plain().weights());
        // Bias and slope of each padded out channel, in turn.
        epilogue: Float, first(|call| 2 * u64::from(call.padded_out_channels));
        gate: Real, view(output, output_extent), when(|call| call.gated == 1);
    }
    writes {
        output: Real, view(output, output_extent), also_read(|call| call.accumulate == 1);
    }
}

impl From<conv2d::Params> for Params {
    fn from(params: conv2d::Params) -> Self {
        of_fields!(Params, params)
    }
}

impl Params {
    /// The convolution of the same parameters.
    pub(crate) fn plain(&self) -> conv2d::Params {
        of_fields!(conv2d::Params, self)
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("shared/convolution", "depthwise_conv2d"),
        |call| one_thread_per_element(call.output_extent),
    )
    .with_constants(|call| call.plain().constants(&[]))];

    fn check(&self) -> Result<(), String> {
        self.plain().check()?;
        check_depthwise(self.groups, [self.input_extent.c, self.output_extent.c])
    }

    fn samples() -> Vec<Params> {
        samples::depthwise_convolutions()
            .map(|(geometry, [input, output])| Params {
                input: View::dense(input),
                output: View::dense(output),
                input_extent: input.into(),
                output_extent: output.into(),
                kernel: geometry.kernel,
                stride: geometry.stride,
                padding: geometry.padding,
                dilation: geometry.dilation,
                padded_out_channels: output.c as u32,
                accumulate: 0,
                gated: geometry.gated,
                groups: geometry.groups,
            })
            .collect()
    }
}

/// Refuses groups that have more than one channel on both sides.
pub(super) fn check_depthwise(groups: u32, channels: [u32; 2]) -> Result<(), String> {
    match channels.contains(&groups) {
        true => Ok(()),
        false => Err(format!(
            "{channels:?} channels in {groups} groups; want one of a group at one side at least"
        )),
    }
}
