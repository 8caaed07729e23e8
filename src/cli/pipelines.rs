//! Compiled pipelines, kept for each device and driver in the user's cache folder.

use asma::gpu::GpuDevice;

use super::cache::cache_file;
use super::console::say;

/// Compiles with what an earlier run left, if it left anything.
pub fn with_kept(gpu: GpuDevice) -> GpuDevice {
    match cache_file("pipelines", &gpu, "bin") {
        Some(path) => gpu.with_pipelines_kept_in(&path),
        None => gpu,
    }
}

/// Leaves what was compiled for the next run. That it cannot be left is worth a line and no more.
pub fn keep(gpu: &GpuDevice) {
    if let Err(error) = gpu.keep_pipelines() {
        say(format_args!("note: compiled pipelines are not kept: {error}"));
    }
}
