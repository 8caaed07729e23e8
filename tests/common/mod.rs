//! What tests on a GPU share.

use asma::gpu::{Capabilities, DeviceChoice, GpuDevice};

/// A GPU, software rasterisers included. Without one the test says that it is skipped, or fails where the
/// environment variable `ASMA_REQUIRE_GPU` is 1, as in continuous integration that promises an adapter.
pub fn gpu(capabilities: Capabilities) -> Option<GpuDevice> {
    match GpuDevice::open(&DeviceChoice::Gpu, capabilities) {
        Ok(Some(gpu)) => Some(gpu),
        missing => {
            let reason = missing
                .err()
                .map_or("no adapter".into(), |error| error.to_string());
            let required = std::env::var("ASMA_REQUIRE_GPU").is_ok_and(|value| value == "1");
            assert!(!required, "a GPU is required, but: {reason}");
            println!("skipped: {reason}");
            None
        }
    }
}
