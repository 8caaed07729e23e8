//! Resampling to another size. `NEAREST`: source index `⌊i·in/out⌋`. `BILINEAR`: source coordinate
//! `max(0, (i+½)·in/out − ½)`. `BILINEAR_ALIGNED`: corners on corners, `i·(in−1)/(out−1)`. As in PyTorch's
//! `interpolate`.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Variant, View, one_thread_per_element, only_variant};

/// The nearest source pixel.
pub const NEAREST: u32 = 0;
/// Bilinear, pixels as areas (`align_corners = false`).
pub const BILINEAR: u32 = 1;
/// Bilinear, corner pixels on corner pixels (`align_corners = true`).
pub const BILINEAR_ALIGNED: u32 = 2;

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
    /// [`NEAREST`], [`BILINEAR`] or [`BILINEAR_ALIGNED`].
    pub mode: u32,
    /// Fills the struct to 16 bytes.
    pub unused: [u32; 3],
}

impl KernelParams for Params {
    const KERNEL: Kernel = Kernel {
        name: "upsample",
        entry_point: "upsample",
        reads: &["input"],
        writes: &["output"],
        halves: &["input", "output"],
        variants: only_variant!("shared/resample", "upsample"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        vec![self.input_extent.elements(), self.output_extent.elements()]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        one_thread_per_element(self.output_extent)
    }
}
