//! What several test files need.

#![allow(dead_code, reason = "each test file needs some of it")]

use std::sync::OnceLock;

use asma::gpu::{Capabilities, DeviceChoice, GpuDevice};

/// A GPU to test on, a software rasteriser if there is no other; `None` (and a line that says so) without
/// one, where the caller leaves out what needs it.
///
/// # Panics
/// If there is none and the environment variable `ASMA_REQUIRE_GPU` is `1`: where a GPU is promised, a test
/// that needs one fails rather than passes for having done nothing.
pub fn gpu(capabilities: Capabilities) -> Option<GpuDevice> {
    match GpuDevice::open(&DeviceChoice::Gpu, capabilities) {
        Ok(Some(gpu)) => Some(gpu),
        Ok(None) => unreachable!("the choice `gpu` never means the CPU executor"),
        Err(error) => {
            let required = std::env::var("ASMA_REQUIRE_GPU").is_ok_and(|value| value == "1");
            assert!(!required, "ASMA_REQUIRE_GPU=1, but {error}");
            eprintln!("skipped on the GPU: {error}");
            None
        }
    }
}

/// As [`gpu`], but one device for all of a program's tests, which compile nothing twice on it.
pub fn shared_gpu(capabilities: Capabilities) -> Option<GpuDevice> {
    static BASELINE: OnceLock<Option<GpuDevice>> = OnceLock::new();
    static FULL: OnceLock<Option<GpuDevice>> = OnceLock::new();
    let shared = match capabilities {
        Capabilities::Baseline => &BASELINE,
        Capabilities::Full => &FULL,
    };
    shared.get_or_init(|| gpu(capabilities)).clone()
}
