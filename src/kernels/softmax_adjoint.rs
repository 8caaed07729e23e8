//! Adjoint of softmax, `dx_c = p_c (dy_c − Σ_k p_k dy_k)`, from the probabilities. One thread per pixel.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Variant, View, one_thread_per_element, only_variant};

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the probabilities.
    pub probabilities: View,
    /// Of their gradient.
    pub gradient: View,
    /// Of the gradient of the logits.
    pub output: View,
    /// Of all three.
    pub extent: Extent,
    /// 1: add to what `output` holds.
    pub accumulate: u32,
    /// Fills the struct to 16 bytes.
    pub unused: [u32; 3],
}

impl KernelParams for Params {
    const KERNEL: Kernel = Kernel {
        name: "softmax_adjoint",
        entry_point: "softmax_adjoint",
        reads: &["probabilities", "gradient"],
        writes: &["output"],
        halves: &["probabilities", "gradient", "output"],
        variants: only_variant!("softmax_adjoint"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        let elements = self.extent.elements();
        vec![elements, elements, (1 + u64::from(self.accumulate)) * elements]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        one_thread_per_element(Extent { c: 1, ..self.extent })
    }
}
