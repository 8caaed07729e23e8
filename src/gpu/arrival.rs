//! Waiting for the GPU.

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use super::device::GpuDevice;
use crate::error::{Error, Result};

/// What a callback of wgpu will send.
///
/// wgpu's own waiting is avoided: it holds a lock meanwhile that the host application's `present` needs, and
/// with a time limit it may panic when another thread polls the same device. Polling without waiting does
/// neither.
#[derive(Debug)]
pub(super) struct Arrival<T> {
    /// In a mutex only so that executors can be shared between threads, as host applications keep them.
    receiver: Mutex<mpsc::Receiver<T>>,
}

/// Time between two looks at the device.
const PAUSE: Duration = Duration::from_micros(200);

/// Looks at an idle device after which what has not arrived is lost: another thread may have taken it from the
/// device and be about to send it.
const MOST_IDLE_LOOKS: usize = 10_000;

impl<T> Arrival<T> {
    /// For the callback, and for who waits.
    pub(super) fn new() -> (mpsc::Sender<T>, Self) {
        let (sender, receiver) = mpsc::channel();
        let receiver = Mutex::new(receiver);
        (sender, Arrival { receiver })
    }

    /// Waits until it arrives.
    pub(super) fn wait(self, gpu: &GpuDevice) -> Result<T> {
        let lost = || Error::Device(format!("{} was lost while it computed", gpu.info().name));
        let receiver = self.receiver.into_inner().map_err(|_| lost())?;
        let mut idle_looks = 0;
        while idle_looks < MOST_IDLE_LOOKS {
            // Where the device is lost, wgpu's `poll` may panic instead of returning an error.
            let poll = AssertUnwindSafe(|| gpu.device().poll(wgpu::PollType::Poll));
            match std::panic::catch_unwind(poll) {
                Ok(Ok(status)) if status.is_queue_empty() => idle_looks += 1,
                Ok(Ok(_)) => idle_looks = 0,
                Ok(Err(error)) => {
                    return Err(Error::Device(format!(
                        "{} stopped answering: {error}",
                        gpu.info().name
                    )));
                }
                Err(_) => return Err(lost()),
            }
            match receiver.recv_timeout(PAUSE) {
                Ok(arrived) => return Ok(arrived),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(lost()),
            }
        }
        Err(lost())
    }
}
