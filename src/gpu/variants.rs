//! Which variant of a kernel runs.

use super::device::GpuDevice;
use super::tuning::Tuning;
use crate::kernels::{Params, Specialisation, Way};

/// Which variant of a kernel to run where there are several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VariantChoice {
    /// With workgroup memory on hardware and without on a software rasteriser, where a kernel has both.
    #[default]
    Auto,
    /// The variant of this name for every kernel that has it; `Auto` for the others.
    Named(String),
    /// What was measured to be fastest; `Auto` for work that was not measured, or on another device.
    Tuned(Tuning),
}

/// Which way a call runs; none for a kernel without variants.
pub(super) fn choose_way(
    params: &Params,
    specialisation: &Specialisation,
    choice: &VariantChoice,
    gpu: &GpuDevice,
) -> Option<Way> {
    let mut ways = params.ways(specialisation);
    ways.retain(|way| !way.traits.subgroups || gpu.has_subgroups());
    let named = |name: &str| ways.iter().rposition(|way| way.name == name);
    let automatic = || {
        let kind = |way: &Way| way.suits && way.traits.workgroup_memory == gpu.is_hardware();
        ways.iter()
            .rposition(kind)
            .or_else(|| ways.iter().rposition(|way| way.suits))
    };
    let wanted = match choice {
        VariantChoice::Auto => automatic(),
        VariantChoice::Named(name) => named(name).or_else(automatic),
        VariantChoice::Tuned(tuning) => tuning
            .choose(&gpu.describe(), params, specialisation)
            .and_then(named)
            .or_else(automatic),
    };
    let index = wanted.unwrap_or(0);
    (index < ways.len()).then(|| ways.swap_remove(index))
}
