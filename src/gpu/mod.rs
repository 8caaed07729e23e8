//! The executor that runs on a GPU through wgpu, on a device of its own or on the host application's.

mod arrival;
mod ceilings;
mod compiled_pipelines;
mod conditions;
mod device;
mod frame;
#[cfg(feature = "files")]
mod kept_pipelines;
mod limits;
mod matrix_units;
mod pacing;
#[cfg(feature = "files")]
mod pipeline_cache;
mod pipelines;
mod runner;
mod scopes;
pub mod textures;
mod timing;
mod transfer;
#[cfg(feature = "translate")]
mod translate;
mod tune;
mod tuning;
mod variants;

pub use device::{AdapterSummary, Capabilities, DeviceChoice, GpuDevice, adapters, device_descriptor};
pub use frame::FrameBudget;
pub use limits::{check_limits, required_limits};
pub use runner::{GpuExecutor, GpuOptions};
#[cfg(feature = "translate")]
pub use translate::{Language, translate, validate};
pub use tune::tune;
pub use tuning::Tuning;
pub use variants::{VariantChoice, choose_way, possible_ways, runtime_checks};

/// The features that every kernel set needs: none.
pub fn required_features() -> wgpu::Features {
    wgpu::Features::empty()
}

/// Features that make asma faster or tell more where a device has them: subgroups, for variants of kernels that
/// exchange values within them; float16, for programs that store it
/// ([`Precision::F16`](crate::network::Precision::F16)); timestamps, for
/// [`Executor::time_calls`](crate::program::Executor::time_calls); caches of pipelines, for what one process compiled and the
/// next one does not have to. Every kernel has a variant that keeps to the baseline.
///
/// Variants on matrix units want `EXPERIMENTAL_COOPERATIVE_MATRIX` too, which wgpu gives only to who accepts its
/// experimental features, and [`GpuDevice::with_matrix_units_of`].
pub fn optional_features() -> wgpu::Features {
    wgpu::Features::SUBGROUP
        | wgpu::Features::SHADER_F16
        | wgpu::Features::TIMESTAMP_QUERY
        | wgpu::Features::PIPELINE_CACHE
}
