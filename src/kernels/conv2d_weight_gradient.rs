//! Gradient of a convolution's weights, a matrix product whose long dimension is the pixels of all samples:
//!
//! `dW[a, b, ky, kx] = Σ_{n,y,x} gradient[n, a, y, x] · input[n, b, y·sy + ky − py, x·sx + kx − px]`
//!
//! with zeros outside the input. For a plain convolution `input` is what it reads, `gradient` is that of what
//! it writes, and `dW` is laid out as its weight, `[out, in, rows, columns]`. For a transposed convolution the
//! two change places (it writes where the plain one reads), and `dW` is again laid out as its weight,
//! `[in, out, rows, columns]`.
//!
//! The rows of all samples are cut into chunks, each of which gives one partial sum of every weight;
//! [`sum_partials`](super::sum_partials) adds them up in a fixed order, so that a run can be repeated to the bit.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Variant, View};

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the input, over which the windows go.
    pub input: View,
    /// Of the gradient, one element per window.
    pub gradient: View,
    /// Of the input.
    pub input_extent: Extent,
    /// Of the gradient.
    pub gradient_extent: Extent,
    /// Rows and columns of the kernel.
    pub kernel: [u32; 2],
    /// Distance between windows, rows and columns.
    pub stride: [u32; 2],
    /// Rows of zeros above and columns of zeros left of the input.
    pub padding: [u32; 2],
    /// Rows of the gradient, counted through all samples, that one chunk sums.
    pub rows_per_chunk: u32,
    /// Fills the struct to 16 bytes.
    pub unused: u32,
}

/// Gradient channels, and weights of each, that one workgroup computes.
const TILE: u32 = 32;

impl Params {
    /// Chunks, each of which gives a partial sum of every weight.
    pub fn chunks(&self) -> u32 {
        (self.gradient_extent.n * self.gradient_extent.h).div_ceil(self.rows_per_chunk)
    }

    /// Weights of one gradient channel.
    pub fn taps(&self) -> u32 {
        self.input_extent.c * self.kernel[0] * self.kernel[1]
    }
}

impl KernelParams for Params {
    // `partials` is [chunks][gradient channels][input channels][kernel rows][kernel columns].
    const KERNEL: Kernel = Kernel {
        name: "conv2d_weight_gradient",
        entry_point: "conv2d_weight_gradient",
        reads: &["input", "gradient"],
        writes: &["partials"],
        halves: &[],
        variants: &[Variant::plain("tiled", include_str!("../../shaders/conv2d_weight_gradient.wgsl")).with_workgroup_memory()],
    };

    fn elements_moved(&self) -> Vec<u64> {
        let partials = u64::from(self.chunks()) * u64::from(self.taps()) * u64::from(self.gradient_extent.c);
        vec![self.input_extent.elements(), self.gradient_extent.elements(), partials]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        [
            self.taps().div_ceil(TILE),
            self.gradient_extent.c.div_ceil(TILE),
            self.chunks(),
        ]
    }

    fn constants(&self, _: &Variant) -> Vec<(&'static str, u32)> {
        vec![
            ("KERNEL_ROWS", self.kernel[0]),
            ("KERNEL_COLUMNS", self.kernel[1]),
        ]
    }

    fn flops(&self) -> u64 {
        let Extent { n, c, h, w } = self.gradient_extent;
        2 * self.taps() as u64 * n as u64 * c as u64 * h as u64 * w as u64
    }
}
