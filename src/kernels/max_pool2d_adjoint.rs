//! Adjoint of max pooling: each input pixel gathers the gradient of those windows whose largest value it is.
//! Of equal values the first in row-major order has it, as in PyTorch. Recomputed from the input, so that no
//! index tensor is kept.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Specialisation, Variant, View, one_thread_per_element, shader};

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of what was pooled.
    pub input: View,
    /// Of the gradient of the pooled values.
    pub gradient: View,
    /// Of the gradient of the input.
    pub output: View,
    /// Of the input and its gradient.
    pub input_extent: Extent,
    /// Of the pooled values and their gradient.
    pub output_extent: Extent,
    /// Rows and columns of a window.
    pub kernel: [u32; 2],
    /// Distance between windows, rows and columns.
    pub stride: [u32; 2],
    /// Rows above and columns left of the image that windows may cover.
    pub padding: [u32; 2],
    /// 1: add to what `output` holds.
    pub accumulate: u32,
    /// 1: what was pooled are the values of a slope activation, whose adjoint follows: where they are not above 0, what
    /// `output` would hold is multiplied by `slope`.
    pub gated: u32,
    /// Of that activation.
    pub slope: f32,
    /// Fills the struct to 16 bytes.
    pub unused: [u32; 3],
}

/// The variant for windows that do not overlap, with a thread for each.
const WINDOWS: &str = "windows";

/// Most values of a window that a thread holds.
const MOST_VALUES: u32 = 16;

impl KernelParams for Params {
    const KERNEL: Kernel = Kernel {
        name: "max_pool2d_adjoint",
        entry_point: "max_pool2d_adjoint",
        reads: &["input", "gradient"],
        writes: &["output"],
        halves: &["input", "gradient", "output"],
        variants: &[
            Variant::plain("direct", shader!("shared/pooling_adjoint", "max_pool2d_adjoint")),
            Variant::plain(WINDOWS, shader!("shared/pooling_adjoint", "max_pool2d_adjoint_windows")),
        ],
    };

    fn elements_moved(&self) -> Vec<u64> {
        let input = self.input_extent.elements();
        let written = (1 + u64::from(self.accumulate)) * input;
        vec![input, self.output_extent.elements(), written]
    }

    fn grid(&self, variant: &Variant) -> [u32; 3] {
        let Extent { h, w, .. } = self.input_extent;
        let [rows, columns] = match variant.name {
            WINDOWS => self.kernel,
            _ => [1, 1],
        };
        one_thread_per_element(Extent {
            h: h.div_ceil(rows),
            w: w.div_ceil(columns),
            ..self.input_extent
        })
    }

    fn supports(&self, variant: &Variant, _: &Specialisation) -> bool {
        let [rows, columns] = self.kernel;
        let apart = self.kernel == self.stride && self.padding == [0, 0] && rows * columns <= MOST_VALUES;
        variant.name != WINDOWS || apart
    }

    fn work(&self) -> String {
        let Extent { n, c, h, w } = self.input_extent;
        let [rows, columns] = self.kernel;
        let added = if self.accumulate == 1 { ", added" } else { "" };
        let gated = if self.gated == 1 { ", gated" } else { "" };
        format!("max_pool2d_adjoint of {n}x{c}x{h}x{w}, kernel {rows}x{columns}{added}{gated}")
    }

    fn constants(&self, variant: &Variant) -> Vec<(&'static str, u32)> {
        match variant.name {
            WINDOWS => vec![("KERNEL_ROWS", self.kernel[0]), ("KERNEL_COLUMNS", self.kernel[1])],
            _ => Vec::new(),
        }
    }
}
