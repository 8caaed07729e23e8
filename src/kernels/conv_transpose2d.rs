//! Transposed convolution with bias and slope activation in the epilogue. Each output pixel gathers:
//!
//! `out[n,o,y,x] = slope(bias_o + Σ_{i,ky,kx} weight[(i,ky,kx), o] · in[n, i, (y+py−ky)/sy, (x+px−kx)/sx])`
//!
//! over the taps for which both divisions are exact and the place lies inside the input. Only those taps
//! are visited: pixels with the same remainder `(y+py) mod sy, (x+px) mod sx` share them, and a dispatch
//! goes through the remainders (phases) one by one. The extra rows and columns that PyTorch calls output
//! padding are only a larger output extent. On re-packed weights the same kernel is the input gradient of
//! a convolution of any stride.

use bytemuck::{Pod, Zeroable};

use super::conv2d::{self, CHANNEL_BLOCK};
use super::{Extent, Kernel, KernelParams, Variant, View, fold, shader};

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the input.
    pub input: View,
    /// Of the output.
    pub output: View,
    /// Of the input.
    pub input_extent: Extent,
    /// Of the output.
    pub output_extent: Extent,
    /// Rows and columns of the kernel.
    pub kernel: [u32; 2],
    /// Distance between the windows that input pixels write to, rows and columns.
    pub stride: [u32; 2],
    /// Rows and columns cut off the full output at the top and left.
    pub padding: [u32; 2],
    /// Out channels in `weight`, a multiple of [`CHANNEL_BLOCK`].
    pub padded_out_channels: u32,
    /// 1: add to what `output` holds (after the epilogue, before the gate).
    pub accumulate: u32,
    /// 1: the epilogue is the adjoint of a slope activation, of which `gate` holds the values, laid out as `output` is:
    /// where they are not above 0, what `output` would hold is multiplied by the slope. There is no bias then.
    pub gated: u32,
    /// Fills the struct to 16 bytes.
    pub unused: [u32; 3],
}

impl From<super::conv2d::Params> for Params {
    /// The parameters of both convolutions mean the same.
    fn from(params: super::conv2d::Params) -> Self {
        bytemuck::cast(params)
    }
}

impl KernelParams for Params {
    // `weight` is [in channels][kernel rows][kernel columns][padded out channels];
    // `epilogue` is bias and slope of each padded out channel, in turn; `gate` is not read unless the call is gated.
    const KERNEL: Kernel = Kernel {
        name: "conv_transpose2d",
        entry_point: "conv_transpose2d",
        reads: &["input", "weight", "epilogue", "gate"],
        writes: &["output"],
        halves: &["input", "weight", "gate", "output"],
        variants: &[Variant::plain("registers", shader!("shared/convolution", "shared/convolution_block", "conv_transpose2d"))],
    };

    fn elements_moved(&self) -> Vec<u64> {
        // The parameters are those of the plain convolution, by other names of the same fields.
        bytemuck::cast::<Params, conv2d::Params>(*self).elements_moved()
    }

    // One thread computes 8 channels of 4 × 4 pixels that share a phase; z counts phases, channel
    // blocks and samples, phases fastest.
    fn grid(&self, _: &Variant) -> [u32; 3] {
        let Extent { n, h, w, .. } = self.output_extent;
        let [stride_rows, stride_columns] = self.stride;
        let blocks_down = h.div_ceil(stride_rows).div_ceil(4);
        let blocks_across = w.div_ceil(stride_columns).div_ceil(4);
        let [x, y] = fold((blocks_down * blocks_across).div_ceil(64));
        let channel_blocks = self.padded_out_channels / CHANNEL_BLOCK as u32;
        [x, y, stride_rows * stride_columns * channel_blocks * n]
    }

    fn constants(&self, _: &Variant) -> Vec<(&'static str, u32)> {
        vec![
            ("GATED", self.gated),
            ("KERNEL_ROWS", self.kernel[0]),
            ("KERNEL_COLUMNS", self.kernel[1]),
            ("STRIDE_ROWS", self.stride[0]),
            ("STRIDE_COLUMNS", self.stride[1]),
        ]
    }

    fn flops(&self) -> u64 {
        let Extent { n, c, h, w } = self.input_extent;
        let taps = c as u64 * self.kernel[0] as u64 * self.kernel[1] as u64;
        2 * taps * n as u64 * h as u64 * w as u64 * self.output_extent.c as u64
    }
}
