//! The Adaptive Segmentation Mask Attack.

mod config;
mod plan;
mod steps;

pub use config::{AsmaConfig, MaskMode, Multiplier, Objective, Schedule, StepSize};
pub(super) use plan::plan;
pub(super) use steps::begin;
