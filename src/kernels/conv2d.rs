//! Convolution as an implicit matrix product, `[out channels × taps] · [taps × pixels]`, with bias and slope
//! activation in the epilogue:
//!
//! `out[n,o,y,x] = slope(bias_o + Σ_{i,ky,kx} weight[(i,ky,kx), o] · in[n, i, y·sy + ky − py, x·sx + kx − px])`
//!
//! with zeros outside the input and `slope_o(v) = v` for `v ≥ 0`, `slope_o · v` below (slope 1: no
//! activation). Or, gated, with the adjoint of the slope activation `a = slope(v)` that the output is the gradient of,
//!
//! `out[n,o,y,x] = (out[n,o,y,x] + Σ …) · (1 if a[n,o,y,x] > 0, else slope_o)`
//!
//! so that no pass of its own is needed for it. On re-packed weights the same kernel is the input gradient of a
//! convolution of stride 1 (flipped taps, channels exchanged) and of a transposed convolution of any stride.

use bytemuck::{Pod, Zeroable};

use super::{
    Element, Extent, Kernel, KernelParams, MatrixUnits, Specialisation, Variant, View, fold, shader,
};

/// Out channels are padded with zero weights to a multiple of this, so that shaders load whole vectors.
pub const CHANNEL_BLOCK: usize = 8;

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
    /// Distance between windows, rows and columns.
    pub stride: [u32; 2],
    /// Rows of zeros above and columns of zeros left of the input.
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

/// The variant for kernels of 3 × 3 and stride 1 without workgroup memory.
const REGISTERS_3X3: &str = "registers 3x3";
/// The variant for the same kernels by Winograd's transform.
const WINOGRAD: &str = "winograd";
/// The variant whose workgroups compute 32 out channels of some pixels: it occupies more of a GPU where there are few.
const TILED_32: &str = "tiled 32";
/// The variant whose workgroups compute 64 out channels of some pixels: it loads each value less often.
const TILED_64: &str = "tiled 64";

/// The variant on matrix units for input and weights of float16.
const MATRIX: &str = "matrix";
/// The variant on matrix units for weights of float32, each number split into two of float16.
const SPLIT_MATRIX: &str = "split matrix";

impl KernelParams for Params {
    // `weight` is [in channels][kernel rows][kernel columns][padded out channels];
    // `epilogue` is bias and slope of each padded out channel, in turn; `gate` is not read unless the call is gated.
    const KERNEL: Kernel = Kernel {
        name: "conv2d",
        entry_point: "conv2d",
        reads: &["input", "weight", "epilogue", "gate"],
        writes: &["output"],
        halves: &["input", "weight", "gate", "output"],
        variants: &[
            Variant::plain("registers", shader!("shared/convolution", "shared/convolution_block", "conv2d")),
            Variant::plain(REGISTERS_3X3, shader!("shared/convolution", "shared/convolution_block", "conv2d_3x3"))
                .with_subgroups(),
            Variant::plain(WINOGRAD, shader!("shared/convolution", "conv2d_winograd")).with_workgroup_memory(),
            Variant::plain(TILED_32, shader!("shared/convolution", "conv2d_tiled")).with_workgroup_memory(),
            Variant::plain(TILED_64, shader!("shared/convolution", "conv2d_tiled")).with_workgroup_memory(),
            Variant::plain(MATRIX, shader!("shared/convolution", "conv2d_matrix")).on_matrix_units(),
            Variant::plain(SPLIT_MATRIX, shader!("shared/convolution", "conv2d_matrix"))
                .on_matrix_units()
                .with_narrow_range(),
        ],
    };

    fn elements_moved(&self) -> Vec<u64> {
        let taps = u64::from(self.input_extent.c) * u64::from(self.kernel[0] * self.kernel[1]);
        let padded = u64::from(self.padded_out_channels);
        let written = (1 + u64::from(self.accumulate)) * self.output_extent.elements();
        let gate = u64::from(self.gated) * self.output_extent.elements();
        vec![self.input_extent.elements(), taps * padded, 2 * padded, gate, written]
    }

    fn grid(&self, variant: &Variant) -> [u32; 3] {
        let Extent { n, c, h, w } = self.output_extent;
        if variant.name == WINOGRAD {
            // A workgroup computes 32 channels of 32 tiles of 2 × 2 pixels.
            let [x, y] = fold((h.div_ceil(2) * w.div_ceil(2)).div_ceil(32));
            [x, y, n * c.div_ceil(32)]
        } else if variant.matrix_units {
            let channels = self.matrix_channels();
            let [x, y] = fold((h * w).div_ceil(MatrixUnits::BLOCK / channels));
            [x, y, n * c.div_ceil(channels)]
        } else if variant.workgroup_memory {
            let [x, y] = fold((h * w).div_ceil(TILE_PIXELS));
            [x, y, n * c.div_ceil(tile_channels(variant))]
        } else {
            // A thread computes 8 channels of 4 × 4 pixels.
            let threads = if variant.name == REGISTERS_3X3 { 8 } else { 64 };
            let [x, y] = fold((h.div_ceil(4) * w.div_ceil(4)).div_ceil(threads));
            [x, y, n * self.padded_out_channels / CHANNEL_BLOCK as u32]
        }
    }

    fn supports(&self, variant: &Variant, specialisation: &Specialisation) -> bool {
        let is_3x3 = (self.kernel, self.stride) == ([3, 3], [1, 1]);
        let [input, weight] = [0, 1].map(|buffer| specialisation.element(buffer));
        match variant.name {
            // It finds vectors of 4 up to 4 elements before the first.
            REGISTERS_3X3 => is_3x3 && self.padding[1] <= 4,
            WINOGRAD => is_3x3,
            MATRIX => (input, weight) == (Element::Half, Element::Half),
            SPLIT_MATRIX => weight == Element::Word,
            _ => true,
        }
    }

    fn suits(&self, variant: &Variant) -> bool {
        let Extent { n, c, h, w } = self.output_extent;
        match variant.name {
            TILED_64 => c > 32 && n * c.div_ceil(64) * (h * w).div_ceil(TILE_PIXELS) >= ENOUGH_WORKGROUPS,
            // Not before hardware has been measured.
            WINOGRAD | MATRIX | SPLIT_MATRIX => false,
            _ => true,
        }
    }

    fn work(&self) -> String {
        let size = |Extent { n, c, h, w }: Extent| format!("{n}x{c}x{h}x{w}");
        let pair = |[rows, columns]: [u32; 2]| format!("{rows}x{columns}");
        format!(
            "conv2d {} to {}, kernel {}, stride {}, padding {}{}{}",
            size(self.input_extent),
            size(self.output_extent),
            pair(self.kernel),
            pair(self.stride),
            pair(self.padding),
            if self.accumulate == 1 { ", added" } else { "" },
            if self.gated == 1 { ", gated" } else { "" }
        )
    }

    fn constants(&self, variant: &Variant) -> Vec<(&'static str, u32)> {
        let gated = ("GATED", self.gated);
        let padded = ("PADDED", (self.padding != [0, 0]) as u32);
        if variant.name == REGISTERS_3X3 {
            return vec![gated, padded];
        }
        if variant.name == WINOGRAD {
            return vec![gated];
        }
        let mut constants = vec![
            gated,
            ("KERNEL_ROWS", self.kernel[0]),
            ("KERNEL_COLUMNS", self.kernel[1]),
            ("STRIDE_ROWS", self.stride[0]),
            ("STRIDE_COLUMNS", self.stride[1]),
        ];
        if variant.matrix_units {
            constants.push(("BLOCK_CHANNELS", self.matrix_channels()));
            constants.push(("SPLIT", u32::from(variant.name == SPLIT_MATRIX)));
        } else if variant.workgroup_memory {
            // The other variant does without, and so has fewer shaders to compile.
            constants.push(padded);
            constants.push(("TILE_CHANNELS", tile_channels(variant)));
        }
        constants
    }

    fn flops(&self) -> u64 {
        let taps = self.input_extent.c as u64 * self.kernel[0] as u64 * self.kernel[1] as u64;
        let Extent { n, c, h, w } = self.output_extent;
        2 * taps * n as u64 * c as u64 * h as u64 * w as u64
    }
}

/// How many products of float16 the variant of this name makes on matrix units for each one of the convolution; none if it
/// does not use them.
pub fn matrix_products(variant: &str) -> u32 {
    match variant {
        MATRIX => 1,
        SPLIT_MATRIX => 3,
        _ => 0,
    }
}

impl Params {
    /// Out channels that one workgroup on matrix units computes.
    fn matrix_channels(&self) -> u32 {
        if self.output_extent.c > 32 { 64 } else { 32 }
    }
}

/// Output pixels that one workgroup of the tiled variant computes.
const TILE_PIXELS: u32 = 128;

/// Workgroups below which smaller tiles suit better: about two for each multiprocessor of a large GPU.
const ENOUGH_WORKGROUPS: u32 = 256;

/// Out channels that one workgroup of a tiled variant computes.
fn tile_channels(variant: &Variant) -> u32 {
    if variant.name == TILED_64 { 64 } else { 32 }
}
