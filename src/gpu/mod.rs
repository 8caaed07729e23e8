//! The executor that runs on a GPU through wgpu, on a device of its own or on the host application's.

mod arrival;
mod ceilings;
mod conditions;
mod device;
mod limits;
mod pipelines;
mod runner;
mod timing;
mod translate;
mod tuning;
mod variants;

pub use device::{AdapterSummary, Capabilities, DeviceChoice, GpuDevice, adapters};
pub use limits::{check_limits, required_limits};
pub use runner::{GpuExecutor, GpuOptions};
pub use translate::{Language, translate, validate};
pub use tuning::{Tuning, tune};
pub use variants::VariantChoice;

/// The features that every kernel set needs: none.
pub fn required_features() -> wgpu::Features {
    wgpu::Features::empty()
}

/// Features that make asma faster or tell more where a device has them: subgroups, for variants of kernels that
/// exchange values within them; timestamps, for [`Executor::time_calls`](crate::program::Executor::time_calls). Every
/// kernel has a variant that keeps to the baseline.
pub fn optional_features() -> wgpu::Features {
    wgpu::Features::SUBGROUP | wgpu::Features::TIMESTAMP_QUERY
}
