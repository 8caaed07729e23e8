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

use super::{KernelParams, PIXELS_PER_WORKGROUP, Variant, fold, kernel, shader};

/// Words of the buffer `rates`.
pub const STEP_LENGTH: usize = 3;

/// The buffer `rates` for step `t`, counted from 1: learning rate, `1 − β₁ᵗ`, `1 − β₂ᵗ`.
pub fn step_words(t: u32, learning_rate: f64, beta: [f64; 2]) -> [f32; STEP_LENGTH] {
    let correction = |beta: f64| (1.0 - libm::pow(beta, f64::from(t))) as f32;
    [learning_rate as f32, correction(beta[0]), correction(beta[1])]
}

kernel! {
    "adam", "adam";
    parameters {
        /// Weights, gradients and moments of each kind.
        length: u32,
        /// β₁.
        beta_1: f32,
        /// β₂.
        beta_2: f32,
        /// 1 − β₁, rounded from the exact difference.
        one_minus_beta_1: f32,
        /// 1 − β₂, rounded from the exact difference.
        one_minus_beta_2: f32,
        /// ε.
        epsilon: f32,
        /// Decay of the weights, as a part of the learning rate.
        decay: f32,
        /// The norm that gradients are clipped to; 0: they are not.
        most_norm: f32,
    }
    reads {
        gradient: Float, first(|call| call.length.into());
        // ‖gradient‖².
        squared_norm: Float, first(|_| 1);
        // As `step_words` gives them.
        rates: Float, first(|_| STEP_LENGTH as u64);
    }
    writes {
        weights: Float, first(|call| call.length.into()), also_read(|_| true);
        first_moment: Float, first(|call| call.length.into()), also_read(|_| true);
        second_moment: Float, first(|call| call.length.into()), also_read(|_| true);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[Variant::<Params>::new("direct", shader!("adam"), |call| {
            let [x, y] = fold(call.length.div_ceil(PIXELS_PER_WORKGROUP));
            [x, y, 1]
        })];

    fn samples() -> Vec<Params> {
        vec![Params {
            length: 100,
            beta_1: 0.9,
            beta_2: 0.999,
            one_minus_beta_1: 0.1,
            one_minus_beta_2: 0.001,
            epsilon: 1e-8,
            decay: 0.01,
            most_norm: 1.0,
        }]
    }
}
