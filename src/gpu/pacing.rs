//! How much work is under way on a device, and how much of it in one submission.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use web_time::{Duration, Instant};

use super::arrival::Arrival;
use super::device::GpuDevice;
use crate::error::Result;

/// How long the work of one submission should take, so that no watchdog resets a slow GPU and a stop is
/// answered at once.
const SUBMISSION: Duration = Duration::from_millis(100);

/// Submissions that may be under way while another is made: one runs while the next is recorded.
pub(super) const SUBMISSIONS_UNDER_WAY: usize = 2;

/// Only a wait as long tells when the work was done.
const LONG_ENOUGH_TO_TELL: Duration = Duration::from_micros(200);

/// The submissions under way, and how fast the device is, as learnt from them.
#[derive(Debug)]
pub(super) struct Pacing {
    under_way: VecDeque<(Arrival<()>, f64)>,
    /// Cost units per second, as measured; starts at what a slow integrated GPU does.
    rate: f64,
    last_done: Option<Instant>,
    waited_from: Option<Instant>,
}

impl Pacing {
    pub(super) fn new() -> Pacing {
        Pacing {
            under_way: VecDeque::new(),
            rate: 2e10,
            last_done: None,
            waited_from: None,
        }
    }

    /// Most cost units of one submission.
    pub(super) fn budget(&self) -> f64 {
        self.rate * SUBMISSION.as_secs_f64()
    }

    /// Work of a cost is about to be submitted.
    pub(super) fn begins(&mut self) {
        if self.under_way.is_empty() {
            self.last_done = Some(Instant::now());
        }
    }

    /// It was, and its end will be told.
    pub(super) fn submitted(&mut self, done: Arrival<()>, cost: f64) {
        self.under_way.push_back((done, cost));
    }

    /// Ready when another submission may be made; learns from those that have ended how fast the device is.
    pub(super) fn poll_room(&mut self, gpu: &GpuDevice, context: &mut Context<'_>) -> Poll<Result<()>> {
        while self.under_way.len() > SUBMISSIONS_UNDER_WAY {
            let Some((submission, cost)) = self.under_way.front_mut() else {
                break;
            };
            let cost = *cost;
            match submission.poll(gpu, context) {
                Poll::Pending => {
                    self.waited_from.get_or_insert_with(Instant::now);
                    return Poll::Pending;
                }
                Poll::Ready(done) => {
                    self.under_way.pop_front();
                    done?;
                }
            }
            let now = Instant::now();
            let waited_from = self.waited_from.take();
            let waited = waited_from.is_some_and(|from| now - from > LONG_ENOUGH_TO_TELL);
            if waited && let Some(last) = self.last_done {
                let measured = cost / (now - last).as_secs_f64();
                self.rate = 0.5 * self.rate + 0.5 * measured.min(4.0 * self.rate);
            }
            // Work that was not waited for was done some unknown time ago.
            self.last_done = waited.then_some(now);
        }
        Poll::Ready(Ok(()))
    }
}
