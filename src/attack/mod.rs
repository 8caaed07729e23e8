//! Attacks on a network: the Adaptive Segmentation Mask Attack (ASMA) of Ozbulak, Van Messem and De Neve, *Impact of
//! Adversarial Examples on Deep Learning Models for Biomedical Image Segmentation*, MICCAI 2019, arXiv 1907.13124, and
//! those that the field judges segmentation networks by.
//!
//! An attack is an objective, from the logits to the seed of the gradient (see
//! [`kernels::objective`](crate::kernels::objective)), a step, from the gradient to the next image, and a judge, which keeps
//! the best image and stops. Each is decided on the device, for each sample of a batch by itself.
//!
//! # ASMA
//! With `g` the logits, `X` the source, `Y` the target, `Xₙ` the adversarial image, `Mₙ` its prediction:
//!
//! ```text
//! J(Xₙ) = Σ_c Σ_p 1[Y_p = c] · 1[Mₙ_p ≠ c] · g(Xₙ)_{c,p} − λ‖X − Xₙ‖²
//! Xₙ₊₁  = clip_[0,1](Xₙ + αₙ ∇J(Xₙ)),   αₙ = β · IoU(Y, Mₙ) + τ,   α₀ = τ
//! ```

mod asma;
mod assess;
pub mod budget;
mod choices;
mod config;
mod eight_bits;
mod input;
mod iterations;
mod live;
pub mod minimal;
mod outcome;
mod pace;
mod places;
mod plan;
mod planner;
mod prepare;
mod purpose;
mod run;
pub mod settings;
mod shown;
mod snapshots;
pub mod table;
mod target;
mod trace;

pub use asma::{AsmaConfig, MaskMode, Multiplier, Objective, Refinement, Schedule, StepSize};
pub use assess::{Rounded, assess};
pub use budget::BudgetConfig;
pub use config::AttackConfig;
pub use eight_bits::{Levels, to_8_bits};
pub use input::AttackInput;
pub(crate) use input::Sample;
pub use iterations::{Iterations, Passes, Step};
pub use live::Live;
pub use minimal::MinimalConfig;
pub use outcome::{Outcome, Progress, StopReason};
pub(crate) use places::{Manner, Supply};
pub use plan::Attack;
pub use purpose::Purpose;
pub use settings::Settings;
pub use snapshots::{MOST_SNAPSHOTS, MOST_SNAPSHOTS_WITH_IMAGES, Snapshot, Snapshots};
pub use target::Target;
