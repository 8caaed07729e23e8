//! Transposed convolution with bias and slope activation in the epilogue. Each output pixel gathers:
//!
//! `out[n,o,y,x] = slope(bias_o + Σ_{i,ky,kx} weight[(i,ky,kx), o] · in[n, g + i, (y+py−ky·dy)/sy, (x+px−kx·dx)/sx])`
//!
//! over the in channels `g + i` of the group that `o` belongs to and the taps for which both divisions are exact and the place lies inside the input. Only those taps
//! are visited: pixels with the same remainder `(y+py) mod sy, (x+px) mod sx` share them, and a dispatch
//! goes through the remainders (phases) one by one. The extra rows and columns that PyTorch calls output
//! padding are only a larger output extent. On re-packed weights the same kernel is the input gradient of
//! a convolution of any stride.

use super::conv2d::{self, CHANNEL_BLOCK, of_fields};
use super::{Extent, KernelParams, Variant, View, check_product, fold, kernel, product, samples, shader};

kernel! {
    "conv_transpose2d", "conv_transpose2d";
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
        /// Distance between the windows that input pixels write to, rows and columns.
        stride: [u32; 2],
        /// Rows and columns cut off the full output at the top and left.
        padding: [u32; 2],
        /// Distance between taps of the kernel, rows and columns.
        dilation: [u32; 2],
        /// Out channels in `weight`, a multiple of [`CHANNEL_BLOCK`].
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
    /// The plain convolution of the same parameters.
    pub fn plain(&self) -> conv2d::Params {
        of_fields!(conv2d::Params, self)
    }

    /// Those of the shader; of a kernel's taps, those that one phase has are a step apart.
    fn constants(&self) -> Vec<(&'static str, u32)> {
        let steps = [0, 1].map(|axis| phase_step(self.stride[axis], self.dilation[axis]));
        self.plain()
            .constants(&[("STEP_ROWS", steps[0]), ("STEP_COLUMNS", steps[1])])
    }
}

/// How far apart the taps of a phase are: so many times the dilation is a multiple of the stride.
pub(crate) fn phase_step(stride: u32, dilation: u32) -> u32 {
    let (mut divisor, mut rest) = (stride, dilation);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    stride / divisor.max(1)
}

/// Most rows or columns between windows: every phase of an output has a thread of its own.
pub const MOST_STRIDE: u32 = 256;

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "registers",
        shader!(
            "shared/convolution",
            "shared/convolution_block",
            "shared/convolution_groups",
            "conv_transpose2d"
        ),
        // One thread computes 8 channels of 4 × 4 pixels that share a phase; z counts phases, channel
        // blocks and samples, phases fastest.
        |call| {
            let Extent { n, h, w, .. } = call.output_extent;
            let [stride_rows, stride_columns] = call.stride;
            let blocks_down = h.div_ceil(stride_rows).div_ceil(4);
            let blocks_across = w.div_ceil(stride_columns).div_ceil(4);
            let [x, y] = fold((blocks_down * blocks_across).div_ceil(64));
            let channel_blocks = call.padded_out_channels / CHANNEL_BLOCK as u32;
            [x, y, stride_rows * stride_columns * channel_blocks * n]
        },
    )
    .with_constants(|call| call.constants())];

    fn check(&self) -> Result<(), String> {
        self.plain().check()?;
        match self.stride.iter().max() {
            Some(&stride) if stride > MOST_STRIDE => {
                Err(format!("the stride is {stride}; want at most {MOST_STRIDE}"))
            }
            _ => check_product(
                "workgroups",
                &[
                    self.stride[0],
                    self.stride[1],
                    self.padded_out_channels,
                    self.output_extent.n,
                ],
            ),
        }
    }

    fn flops(&self) -> u64 {
        let outs = self.output_extent.c / self.groups.max(1);
        let taps = product(&[2, outs, self.kernel[0], self.kernel[1]]);
        taps.saturating_mul(self.input_extent.elements())
    }

    fn samples() -> Vec<Params> {
        // The other way round: the same pair of sizes is the transposed convolution's.
        samples::convolutions()
            .map(|(geometry, [output, input])| Params {
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
