//! What several test files need.

#![allow(dead_code, reason = "each test file needs some of it")]

use std::sync::{Mutex, OnceLock, PoisonError};

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
            assert!(!gpu_is_required(), "ASMA_REQUIRE_GPU=1, but {error}");
            eprintln!("skipped on the GPU: {error}");
            None
        }
    }
}

/// Whether this machine was promised to have a GPU.
pub fn gpu_is_required() -> bool {
    std::env::var("ASMA_REQUIRE_GPU").is_ok_and(|value| value == "1")
}

/// As [`gpu`], but one of two devices for all of a program's tests, which compile little twice on them: for a thread the one
/// that fewer others have, because a software rasteriser compiles what a device runs on one thread.
pub fn shared_gpu(capabilities: Capabilities) -> Option<GpuDevice> {
    static BASELINE: [OnceLock<Option<GpuDevice>>; 2] = [const { OnceLock::new() }; 2];
    static FULL: [OnceLock<Option<GpuDevice>>; 2] = [const { OnceLock::new() }; 2];
    thread_local! {
        static PLACE: Place = Place::take();
    }
    let shared = match capabilities {
        Capabilities::Baseline => &BASELINE,
        Capabilities::Full => &FULL,
    };
    let device = PLACE.with(|place| &shared[place.0]);
    device.get_or_init(|| gpu(capabilities)).clone()
}

/// Which of the shared devices a thread has, until it ends.
struct Place(usize);

/// How many threads have each.
static TAKEN: Mutex<[usize; 2]> = Mutex::new([0; 2]);

impl Place {
    fn take() -> Self {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::from(taken[1] < taken[0]);
        taken[place] += 1;
        Place(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        TAKEN.lock().unwrap_or_else(PoisonError::into_inner)[self.0] -= 1;
    }
}
