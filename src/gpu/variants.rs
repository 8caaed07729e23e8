//! Which variant of a kernel runs, and how it is compiled.

use super::device::GpuDevice;
use super::tuning::Tuning;
use crate::kernels::{Params, Specialisation, Way, unmeasured};
use crate::program::{Call, Program};

/// Which variant of a kernel to run where there are several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VariantChoice {
    /// What is made for hardware there, and what is not on a software rasteriser, where a kernel has both; of those, what
    /// suits the call on the vendor's GPUs.
    #[default]
    Auto,
    /// The variant of this name for every kernel that has it; `Auto` for the others.
    Named(String),
    /// What was measured to be fastest; `Auto` for work that was not measured, or on another device.
    Tuned(Tuning),
}

/// What the shader of a call of `program` is specialised for on `gpu`.
pub(super) fn specialise(gpu: &GpuDevice, program: &Program, call: &Call) -> Specialisation {
    Specialisation {
        vendor: gpu.vendor(),
        ..program.specialisation(call, gpu.matrix_units())
    }
}

/// The run-time checks of naga that `way` is compiled with: all of them if `checked`, else none but what
/// [`Way::bounded_loops`] says.
pub fn runtime_checks(way: &Way, checked: bool) -> wgpu::ShaderRuntimeChecks {
    match checked {
        true => wgpu::ShaderRuntimeChecks::checked(),
        false => wgpu::ShaderRuntimeChecks {
            force_loop_bounding: way.bounded_loops,
            ..wgpu::ShaderRuntimeChecks::unchecked()
        },
    }
}

/// The ways to run a call that `gpu` has what it takes for, in the order of the variants.
pub fn possible_ways(params: &Params, specialisation: &Specialisation, gpu: &GpuDevice) -> Vec<Way> {
    let mut ways = params.ways(specialisation);
    ways.retain(|way| !way.traits.subgroups || gpu.has_subgroups());
    ways
}

/// Which way a call runs on `gpu`; none for a kernel without variants.
pub fn choose_way(
    params: &Params,
    specialisation: &Specialisation,
    choice: &VariantChoice,
    gpu: &GpuDevice,
) -> Option<Way> {
    let mut ways = possible_ways(params, specialisation, gpu);
    let named = |name: &str| ways.iter().rposition(|way| way.name == name);
    let automatic = || unmeasured(&ways, gpu.is_hardware());
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
