//! Adjoint of the slope activation: `dx = dy` where the reference is positive, `slope_c · dy` elsewhere (the
//! slope at 0 is that of the negative side, as in PyTorch). The reference may be the activation's input or,
//! for slopes of at least 0, its output, whose sign is the same.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, Variant, View, one_thread_per_element, only_variant};

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the reference.
    pub reference: View,
    /// Of the gradient of the activation's output.
    pub gradient: View,
    /// Of the gradient of the activation's input.
    pub output: View,
    /// Of all three.
    pub extent: Extent,
    /// 1: the incoming gradient stands in `output` and is replaced there.
    pub in_place: u32,
    /// 1: add to what `output` holds. Not together with `in_place`.
    pub accumulate: u32,
    /// Fills the struct to 16 bytes.
    pub unused: [u32; 2],
}

impl KernelParams for Params {
    const KERNEL: Kernel = Kernel {
        name: "slope_adjoint",
        entry_point: "slope_adjoint",
        reads: &["reference", "slopes", "gradient"],
        writes: &["output"],
        halves: &["reference", "gradient", "output"],
        variants: only_variant!("slope_adjoint"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        let elements = self.extent.elements();
        let in_place = u64::from(self.in_place);
        let written = 1 + in_place + u64::from(self.accumulate);
        vec![elements, 0, (1 - in_place) * elements, written * elements]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        one_thread_per_element(self.extent)
    }
}
