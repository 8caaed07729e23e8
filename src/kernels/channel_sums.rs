//! Sums over the pixels of each channel: the gradients of what a layer has once per channel.
//!
//! | mode | summed | is the gradient of |
//! | --- | --- | --- |
//! | [`GRADIENT`] | `dy` | a bias, the shift of an affine |
//! | [`PRODUCT`] | `x · dy` | the scale of an affine; with `dy = x`, a squared norm |
//! | [`NEGATIVE_PRODUCT`] | `x · dy` where `x ≤ 0` | a learnt slope |
//!
//! The pixels of all samples are cut into chunks, each of which gives one partial sum of every channel;
//! [`sum_partials`](super::sum_partials) adds them up in a fixed order, so that a run can be repeated to the bit.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Variant, View, shader};

/// Sum the gradient.
pub const GRADIENT: u32 = 0;
/// Sum the product of input and gradient.
pub const PRODUCT: u32 = 1;
/// Sum that product where the input is not positive.
pub const NEGATIVE_PRODUCT: u32 = 2;

/// Most chunks that [`Params::chunked`] makes.
const MOST_CHUNKS: u32 = 256;
/// Pixels below which it makes no further chunks.
const FEWEST_PIXELS: u32 = 1024;

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the input; not read in mode [`GRADIENT`].
    pub input: View,
    /// Of the gradient.
    pub gradient: View,
    /// Of both.
    pub extent: Extent,
    /// [`GRADIENT`], [`PRODUCT`] or [`NEGATIVE_PRODUCT`].
    pub mode: u32,
    /// Pixels, counted through all samples, that one chunk sums.
    pub pixels_per_chunk: u32,
    /// Fills the struct to 16 bytes.
    pub unused: [u32; 2],
}

impl Params {
    /// With chunks of a size that gives a GPU enough of them.
    pub fn chunked(input: View, gradient: View, extent: Extent, mode: u32) -> Params {
        Params {
            input,
            gradient,
            extent,
            mode,
            pixels_per_chunk: pixels_per_chunk(extent),
            unused: [0; 2],
        }
    }

    /// Chunks, each of which gives a partial sum of every channel.
    pub fn chunks(&self) -> u32 {
        chunks(self.extent, self.pixels_per_chunk)
    }
}

/// Pixels of a chunk, for a number of chunks that is enough for a GPU and not too many to add up.
pub(super) fn pixels_per_chunk(extent: Extent) -> u32 {
    (extent.n * extent.h * extent.w)
        .div_ceil(MOST_CHUNKS)
        .max(FEWEST_PIXELS)
}

/// Into how many chunks of so many pixels the pixels of all samples fall.
pub(super) fn chunks(extent: Extent, pixels_per_chunk: u32) -> u32 {
    (extent.n * extent.h * extent.w).div_ceil(pixels_per_chunk)
}

impl KernelParams for Params {
    // `partials` is [chunks][channels].
    const KERNEL: Kernel = Kernel {
        name: "channel_sums",
        entry_point: "channel_sums",
        reads: &["input", "gradient"],
        writes: &["partials"],
        halves: &[],
        variants: &[Variant::plain("tree", shader!("shared/reduction", "channel_sums")).with_workgroup_memory()],
    };

    fn elements_moved(&self) -> Vec<u64> {
        let elements = self.extent.elements();
        let input = if self.mode == GRADIENT { 0 } else { elements };
        let partials = u64::from(self.chunks()) * u64::from(self.extent.c);
        vec![input, elements, partials]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        [self.chunks(), self.extent.c, 1]
    }
}
