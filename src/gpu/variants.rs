//! Which variant of a kernel runs.

use super::device::GpuDevice;
use super::tuning::Tuning;
use crate::kernels::{Params, Specialisation, Variant};

/// Which variant of a kernel to run where there are several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VariantChoice {
    /// With workgroup memory on hardware and without on a software rasteriser, where a kernel has both.
    #[default]
    Auto,
    /// The variant of this name for every kernel that has it; `Auto` for the others.
    Named(String),
    /// What was measured to be fastest; `Auto` for work that was not measured.
    Tuned(Tuning),
}

/// The variant that runs everywhere.
pub(super) fn baseline(params: &Params) -> &'static Variant {
    &params.kernel().variants[0]
}

/// Which variant of the kernel runs.
pub(super) fn choose_variant(
    params: &Params,
    specialisation: &Specialisation,
    choice: &VariantChoice,
    gpu: &GpuDevice,
) -> &'static Variant {
    let possible = params
        .variants(specialisation)
        .filter(|variant| !variant.subgroups || gpu.has_subgroups());
    let last_first = possible.rev();
    let named = |name: &str| last_first.clone().find(|variant| variant.name == name);
    let automatic = || {
        let mut suitable = last_first.clone().filter(|variant| params.suits(variant));
        let kind = |variant: &&Variant| variant.workgroup_memory == gpu.is_hardware();
        suitable.clone().find(kind).or_else(|| suitable.next())
    };
    let wanted = match choice {
        VariantChoice::Auto => automatic(),
        VariantChoice::Named(name) => named(name).or_else(automatic),
        VariantChoice::Tuned(tuning) => tuning
            .choose(params, specialisation)
            .and_then(named)
            .or_else(automatic),
    };
    wanted.unwrap_or(baseline(params))
}
