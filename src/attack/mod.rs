//! The Adaptive Segmentation Mask Attack (ASMA) of Ozbulak, Van Messem and De Neve, *Impact of Adversarial
//! Examples on Deep Learning Models for Biomedical Image Segmentation*, MICCAI 2019, arXiv 1907.13124.
//!
//! With `g` the logits, `X` the source, `Y` the target, `Xₙ` the adversarial image, `Mₙ` its prediction:
//!
//! ```text
//! J(Xₙ) = Σ_c Σ_p 1[Y_p = c] · 1[Mₙ_p ≠ c] · g(Xₙ)_{c,p} − λ‖X − Xₙ‖²
//! Xₙ₊₁  = clip_[0,1](Xₙ + αₙ ∇J(Xₙ)),   αₙ = β · IoU(Y, Mₙ) + τ,   α₀ = τ
//! ```

mod assess;
mod config;
mod eight_bits;
mod iterations;
mod plan;
mod prepare;
mod run;
mod snapshots;
mod target;

pub use assess::assess;
pub use config::{AsmaConfig, MaskMode, Multiplier, Objective, Schedule, StepSize};
pub use eight_bits::to_8_bits;
pub use iterations::{Iterations, Step};
pub use plan::Attack;
pub use prepare::AttackInput;
pub use run::{Outcome, Progress, StopReason};
pub use snapshots::{MOST_SNAPSHOTS, MOST_SNAPSHOTS_WITH_IMAGES, Snapshot, Snapshots};
pub use target::Target;
