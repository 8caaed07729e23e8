//! Which variant of a kernel runs.

use super::device::GpuDevice;
use super::tuning::Tuning;
use crate::kernels::{Params, Specialisation, Variant};

/// Which variant of a kernel to run where there are several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VariantChoice {
    /// With workgroup memory on hardware, without on a software rasteriser.
    #[default]
    Auto,
    /// The variant of this name for every kernel that has it.
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
    let mut last_first = possible.rev();
    let mut automatic = last_first
        .clone()
        .filter(|variant| variant.workgroup_memory == gpu.is_hardware() && params.suits(variant));
    let wanted = match choice {
        VariantChoice::Auto => automatic.next(),
        VariantChoice::Named(name) => last_first.find(|variant| variant.name == name),
        VariantChoice::Tuned(tuning) => tuning
            .choose(params, specialisation)
            .and_then(|name| last_first.find(|variant| variant.name == name))
            .or_else(|| automatic.next()),
    };
    wanted.unwrap_or(baseline(params))
}
