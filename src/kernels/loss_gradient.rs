//! Adjoint of the training loss `cross_entropy · CE + dice · (1 − mean_{c≥1} Dice_c)`, whose sums over the batch
//! [`loss_sums`] gave:
//!
//! `dCE/dz_c = w_Y · (p_c − [Y = c]) / Σw` and, with `N_c = 2·Σ p_c[Y=c] + s`, `D_c = Σ p_c + Σ [Y=c] + s`,
//! `u_c = (N_c − 2·[Y=c]·D_c) / D_c² / (classes − 1)` for `c ≥ 1` and `u_0 = 0`:
//! `dDice/dz_c = p_c · (u_c − Σ_k u_k p_k)`.
//!
//! Where the label is no class, such as 255, the gradient is 0.

use super::{
    Extent, KernelParams, PIXELS_PER_WORKGROUP, Variant, View, fold, kernel, loss_sums, samples, shader,
};

kernel! {
    "loss_gradient", "loss_gradient";
    parameters {
        /// Of the logits.
        logits: View,
        /// Of the gradient of the logits.
        output: View,
        /// Of both; its channels are the classes.
        extent: Extent,
        /// Factor of the cross-entropy.
        cross_entropy: f32,
        /// Factor of the Dice loss.
        dice: f32,
        /// `s`, which keeps the Dice coefficient of an absent class defined.
        smoothing: f32,
    }
    reads {
        logits: Float, view(logits, extent);
        // [n][h][w]
        labels: Word, first(|call| call.extent.pixels());
        // One for each class.
        class_weights: Float, first(|call| call.extent.c.into());
        // [classes][loss_sums::TERMS]
        totals: Float, first(|call| u64::from(call.extent.c) * loss_sums::TERMS as u64);
    }
    writes {
        output: Float, view(output, extent);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("loss_gradient"),
        |call| {
            let [x, y] = fold((call.extent.h * call.extent.w).div_ceil(PIXELS_PER_WORKGROUP));
            [x, y, call.extent.n]
        },
    )];

    fn samples() -> Vec<Params> {
        vec![Params {
            logits: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
            cross_entropy: 1.0,
            dice: 1.0,
            smoothing: 1.0,
        }]
    }
}
