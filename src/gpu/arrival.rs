//! What a callback of wgpu hands over.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::device::GpuDevice;
use crate::error::{Error, Result};
use crate::program::{Awaited, awaits};

/// What a callback of wgpu will send.
#[derive(Debug)]
pub(super) struct Arrival<T> {
    state: Arc<Mutex<State<T>>>,
}

/// The callback's end.
#[derive(Debug)]
pub(super) struct Sender<T> {
    state: Arc<Mutex<State<T>>>,
}

#[derive(Debug)]
enum State<T> {
    UnderWay(Option<Waker>),
    Arrived(T),
    /// Handed out, or the callback was dropped and never called.
    Gone,
}

/// The state stays whole whatever a thread that held it came to.
fn lock<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Sender<T> {
    pub(super) fn send(self, value: T) {
        self.end(State::Arrived(value));
    }

    fn end(&self, end: State<T>) {
        let before = {
            let mut state = lock(&self.state);
            match *state {
                State::UnderWay(_) => std::mem::replace(&mut *state, end),
                State::Arrived(_) | State::Gone => return,
            }
        };
        if let State::UnderWay(Some(waker)) = before {
            waker.wake();
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.end(State::Gone);
    }
}

impl<T> Arrival<T> {
    /// For the callback, and for who waits.
    pub(super) fn new() -> (Sender<T>, Self) {
        let state = Arc::new(Mutex::new(State::UnderWay(None)));
        (Sender { state: state.clone() }, Arrival { state })
    }

    /// What was sent, once, if it has arrived; never waits.
    pub(super) fn poll(&mut self, gpu: &GpuDevice, context: &mut Context<'_>) -> Poll<Result<T>> {
        {
            let mut state = lock(&self.state);
            if let State::UnderWay(waker) = &mut *state {
                *waker = Some(context.waker().clone());
            } else {
                return Poll::Ready(match std::mem::replace(&mut *state, State::Gone) {
                    State::Arrived(value) => Ok(value),
                    State::UnderWay(_) | State::Gone => Err(lost(gpu)),
                });
            }
        }
        awaits(gpu);
        Poll::Pending
    }
}

fn lost(gpu: &GpuDevice) -> Error {
    Error::Device(format!("{} was lost while it computed", gpu.info().name))
}

impl Awaited for GpuDevice {
    /// wgpu's own waiting is avoided: it holds a lock meanwhile that the host application's `present` needs, and
    /// with a time limit it may panic when another thread polls the same device. Polling without waiting does
    /// neither.
    fn drive(&self) -> Result<bool> {
        // Where the device is lost, wgpu's `poll` may panic instead of returning an error.
        let poll = AssertUnwindSafe(|| self.device().poll(wgpu::PollType::Poll));
        match std::panic::catch_unwind(poll) {
            Ok(Ok(status)) => Ok(status.is_queue_empty()),
            Ok(Err(error)) => Err(Error::Device(format!(
                "{} stopped answering: {error}",
                self.info().name
            ))),
            Err(_) => Err(lost(self)),
        }
    }

    fn lost(&self) -> Error {
        lost(self)
    }
}
