//! The Adaptive Segmentation Mask Attack.

mod config;
mod plan;
mod refinement;
mod steps;

pub use config::{AsmaConfig, MaskMode, Multiplier, Objective, Schedule, StepSize};
pub(super) use plan::plan;
pub use refinement::Refinement;
pub(super) use steps::{begin, clipped_words, forgetting, going_on, settings};
