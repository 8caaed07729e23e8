//! One step of Adam with decoupled weight decay (AdamW; Kingma and Ba 2015, Loshchilov and Hutter 2019), after
//! the gradient was clipped to a norm:
//!
//! ```text
//! g = gradient · min(1, most_norm / (‖gradient‖ + 1e-6))
//! m = β₁ m + (1 − β₁) g          v = β₂ v + (1 − β₂) g²
//! w = w − rate · decay · w − rate · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
//! ```
//!
//! What changes from step to step stands in the buffer `rates`, see [`step_words`]. Without decay this is Adam.

use bytemuck::{Pod, Zeroable};

use super::{Kernel, KernelParams, PIXELS_PER_WORKGROUP, Variant, fold, only_variant};

/// Words of the buffer `rates`.
pub const STEP_LENGTH: usize = 3;

/// The buffer `rates` for step `t`, counted from 1: learning rate, `1 − β₁ᵗ`, `1 − β₂ᵗ`.
pub fn step_words(t: u32, learning_rate: f64, beta: [f64; 2]) -> [f32; STEP_LENGTH] {
    let correction = |beta: f64| (1.0 - libm::pow(beta, f64::from(t))) as f32;
    [learning_rate as f32, correction(beta[0]), correction(beta[1])]
}

/// Parameters, as the shader's uniform has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Weights, gradients and moments of each kind.
    pub length: u32,
    /// β₁ and β₂.
    pub beta: [f32; 2],
    /// 1 − β₁ and 1 − β₂, rounded from the exact difference.
    pub one_minus_beta: [f32; 2],
    /// ε.
    pub epsilon: f32,
    /// Decay of the weights, as a part of the learning rate.
    pub decay: f32,
    /// The norm that gradients are clipped to; 0: they are not.
    pub most_norm: f32,
}

impl KernelParams for Params {
    // `squared_norm` is one number, ‖gradient‖²; `rates` is as `step_words` gives it.
    const KERNEL: Kernel = Kernel {
        name: "adam",
        entry_point: "adam",
        reads: &["gradient", "squared_norm", "rates"],
        writes: &["weights", "first_moment", "second_moment"],
        halves: &[],
        variants: only_variant!("adam"),
    };

    fn elements_moved(&self) -> Vec<u64> {
        let length = u64::from(self.length);
        vec![length, 0, 0, 2 * length, 2 * length, 2 * length]
    }

    fn grid(&self, _: &Variant) -> [u32; 3] {
        let [x, y] = fold(self.length.div_ceil(PIXELS_PER_WORKGROUP));
        [x, y, 1]
    }
}
