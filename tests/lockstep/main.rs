//! Whole programs on the GPU executor and the CPU executor in lockstep, compared call by call, so that a
//! wrong kernel is named. `cargo test --test lockstep -- --nocapture` prints the largest error of each case.

mod attack;
#[path = "../common/mod.rs"]
mod common;
mod comparison;
mod mixed;
mod network;
#[path = "../networks/mod.rs"]
mod networks;

use asma::gpu::{Capabilities, GpuDevice, GpuOptions, VariantChoice};

/// A device with all its limits, or with no more than an embedding application may hand over; and every set
/// of kernel variants.
fn setups() -> Vec<(String, GpuDevice, GpuOptions)> {
    let mut setups = Vec::new();
    for capabilities in [Capabilities::Full, Capabilities::Baseline] {
        let Some(gpu) = common::gpu(capabilities) else {
            continue;
        };
        for variants in [
            VariantChoice::Auto,
            VariantChoice::Named("registers".into()),
            VariantChoice::Named("tiled".into()),
        ] {
            let what = format!("{capabilities:?} device, {variants:?}");
            let options = GpuOptions {
                variants,
                checked: false,
            };
            setups.push((what, gpu.clone(), options));
        }
    }
    setups
}
