//! Attacks that look for the smallest perturbation, by its largest value: ALMA-prox and PDPGD. Both step along a gradient
//! and then take a proximal step, which clips what is largest.

mod alma_prox;
mod config;
mod parts;
mod pdpgd;
mod plan;
mod schedule;

pub use config::{Method, MinimalConfig};
pub(super) use plan::plan;
pub(super) use schedule::begin;
