//! Whole programs on the GPU executor and the CPU executor in lockstep, compared call by call, so that a
//! wrong kernel is named. `cargo test --test lockstep -- --nocapture` prints the largest error of each case.

mod attack;
mod attacks;
#[path = "../common/mod.rs"]
mod common;
mod comparison;
mod minimal;
mod mixed;
mod network;
#[path = "../networks/mod.rs"]
mod networks;
mod timing;
mod training;
mod waiting;

use asma::gpu::{Capabilities, GpuDevice, GpuOptions, VariantChoice};

/// Variants of the kernels that have several, on a device with all its limits, and what is taken without
/// asking on one with no more than an embedding application may hand over.
fn setups() -> Vec<(String, GpuDevice, GpuOptions)> {
    let named = |name: &str| VariantChoice::Named(name.into());
    let setups = [
        (Capabilities::Full, VariantChoice::Auto),
        (Capabilities::Full, named("registers")),
        (Capabilities::Full, named("tiled 32")),
        (Capabilities::Full, named("tiled 64")),
        (Capabilities::Full, named("winograd")),
        (Capabilities::Full, named("matrix")),
        (Capabilities::Full, named("split matrix")),
        (Capabilities::Baseline, VariantChoice::Auto),
    ];
    let opened = setups.into_iter().filter_map(|(capabilities, variants)| {
        let gpu = common::shared_gpu(capabilities)?;
        if matches!(&variants, VariantChoice::Named(name) if name.ends_with("matrix")) {
            gpu.matrix_units()?;
        }
        let what = format!("{capabilities:?} device, {variants:?}");
        let checked = false;
        Some((what, gpu, GpuOptions { variants, checked }))
    });
    opened.collect()
}
