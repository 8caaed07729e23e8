//! Adjoint of the training loss `cross_entropy · CE + dice · (1 − mean_{c≥1} Dice_c)`, whose sums over the batch
//! [`loss_sums`](super::loss_sums) gave:
//!
//! `dCE/dz_c = w_Y · (p_c − [Y = c]) / Σw` and, with `N_c = 2·Σ p_c[Y=c] + s`, `D_c = Σ p_c + Σ [Y=c] + s`,
//! `u_c = (N_c − 2·[Y=c]·D_c) / D_c² / (classes − 1)` for `c ≥ 1` and `u_0 = 0`:
//! `dDice/dz_c = p_c · (u_c − Σ_k u_k p_k)`.
//!
//! Where the label is no class, such as 255, the gradient is 0.

use bytemuck::{Pod, Zeroable};

use super::{Extent, Kernel, KernelParams, PIXELS_PER_WORKGROUP, Variant, View, fold, only_variant};

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Of the logits.
    pub logits: View,
    /// Of the gradient of the logits.
    pub output: View,
    /// Of both; its channels are the classes.
    pub extent: Extent,
    /// Factor of the cross-entropy.
    pub cross_entropy: f32,
    /// Factor of the Dice loss.
    pub dice: f32,
    /// `s`, which keeps the Dice coefficient of an absent class defined.
    pub smoothing: f32,
    /// Fills the struct to 16 bytes.
    pub unused: u32,
}

impl KernelParams for Params {
    // `labels` are unsigned integers, [n][h][w]; `class_weights` one number for each class; `totals` is
    // [classes][loss_sums::TERMS].
    const KERNEL: Kernel = Kernel {
        name: "loss_gradient",
        entry_point: "loss_gradient",
        reads: &["logits", "labels", "class_weights", "totals"],
        writes: &["output"],
        halves: &[],
        variants: only_variant!("loss_gradient"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        let logits = self.extent.elements();
        vec![logits, self.extent.pixels(), 0, 0, logits]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        let [x, y] = fold((self.extent.h * self.extent.w).div_ceil(PIXELS_PER_WORKGROUP));
        [x, y, self.extent.n]
    }
}
