//! How much of a program's work a host's frame takes on.

use std::task::{Context, Poll, Waker};

use web_time::{Duration, Instant};

use super::arrival::Arrival;
use super::device::GpuDevice;
use crate::error::Result;
use crate::program::Awaited;

/// Keeps a host's frames short: as many cost units ([`GpuExecutor::cost`](super::GpuExecutor::cost)) go into a frame as let
/// the next one come in time, and none while those of an earlier one are not done.
///
/// What is looked at is the time from one frame's submission to the next frame, which the host's own drawing is part of. What that
/// takes alone is seen now and then, in a frame of a single call; where it is long, as on a software rasteriser, the program
/// takes as long again.
#[derive(Debug)]
pub struct FrameBudget {
    aim: Duration,
    units: f64,
    /// What a frame of a single call took last.
    alone: Duration,
    /// Frames until the next of a single call.
    until_single: u32,
    under_way: Option<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    done: Arrival<()>,
    submitted: Instant,
    cost: f64,
    is_single: bool,
}

/// Cost units of the first frame: what a slow integrated GPU does in some milliseconds.
const FIRST: f64 = 1e8;

/// Frames from one of a single call to the next.
const BETWEEN_SINGLES: u32 = 30;

/// Most that the units grow and shrink by from one frame to the next.
const GROWTH: f64 = 1.5;
const SHRINK: f64 = 0.25;

impl FrameBudget {
    /// For frames that shall come as often as this.
    pub fn new(aim: Duration) -> FrameBudget {
        FrameBudget {
            aim,
            units: FIRST,
            alone: Duration::ZERO,
            until_single: 0,
            under_way: None,
        }
    }

    /// Other times between frames.
    pub fn set_aim(&mut self, aim: Duration) {
        self.aim = aim;
    }

    /// The cost units that this frame takes on; none while an earlier frame's work is not done. To be asked for once a frame,
    /// and lets the device go on without waiting for it.
    ///
    /// # Errors
    /// If the device was lost.
    pub fn room(&mut self, gpu: &GpuDevice) -> Result<Option<f64>> {
        if let Some(under_way) = &mut self.under_way {
            gpu.drive()?;
            match under_way.done.poll(gpu, &mut Context::from_waker(Waker::noop())) {
                Poll::Pending => return Ok(None),
                Poll::Ready(done) => done?,
            }
            let took = under_way.submitted.elapsed();
            let (cost, is_single) = (under_way.cost, under_way.is_single);
            self.under_way = None;
            self.learn(cost, is_single, took);
        }
        Ok(Some(self.units_now()))
    }

    /// The units of this frame: none but a call's own where drawing alone is to be seen.
    fn units_now(&self) -> f64 {
        match self.until_single {
            0 => 0.0,
            _ => self.units,
        }
    }

    fn learn(&mut self, cost: f64, is_single: bool, took: Duration) {
        match is_single {
            true => self.alone = took,
            false => self.units = adapted(self.units, cost, took, self.aim.max(2 * self.alone)),
        }
    }

    /// Whether the frame that is about to be submitted is one of a single call.
    fn next_is_single(&mut self) -> bool {
        let is_single = self.until_single == 0;
        self.until_single = match is_single {
            true => BETWEEN_SINGLES,
            false => self.until_single - 1,
        };
        is_single
    }

    /// Work of this cost has just been submitted.
    pub fn submitted(&mut self, gpu: &GpuDevice, cost: f64) {
        let (sender, done) = Arrival::new();
        gpu.queue().on_submitted_work_done(move || sender.send(()));
        self.under_way = Some(UnderWay {
            done,
            submitted: Instant::now(),
            cost,
            is_single: self.next_is_single(),
        });
    }
}

/// The units of the next frame after one of `units`, of which `cost` were used, that took so long.
fn adapted(units: f64, cost: f64, took: Duration, aim: Duration) -> f64 {
    let change = aim.as_secs_f64() / took.as_secs_f64().max(1e-6);
    match change < 1.0 {
        // A call that alone is too long says nothing of fewer units than it has.
        true => units.min(cost.max(1.0)) * change.max(SHRINK),
        // Where there was little to do, it says nothing of more.
        false if 4.0 * cost < units => units,
        false => units * change.min(GROWTH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AIM: Duration = Duration::from_millis(20);

    /// The time of a frame after some hundred, on a device that does so many units a second, where drawing takes
    /// this long and work comes in calls of so many units.
    fn settled(rate: f64, drawing: f64, call: f64) -> f64 {
        let mut budget = FrameBudget::new(AIM);
        let mut seconds = 0.0;
        for _ in 0..10 * (BETWEEN_SINGLES + 1) {
            let cost = ((budget.units_now() / call).floor() * call).max(call);
            let is_single = budget.next_is_single();
            let took = cost / rate + drawing;
            budget.learn(cost, is_single, Duration::from_secs_f64(took));
            if !is_single {
                seconds = took;
            }
        }
        seconds
    }

    #[test]
    fn frames_come_as_often_as_they_shall_whatever_the_device() {
        for rate in [1e9, 1e11, 1e13] {
            let seconds = settled(rate, 0.005, rate * 1e-4);
            assert!((0.01..0.025).contains(&seconds), "{rate}: {seconds} s a frame");
        }
    }

    #[test]
    fn where_drawing_alone_is_slow_the_program_takes_as_long_again() {
        let seconds = settled(1e9, 0.1, 1e5);
        assert!((0.17..0.23).contains(&seconds), "{seconds} s a frame");
    }

    #[test]
    fn a_call_that_is_longer_than_a_frame_is_done_all_the_same() {
        let seconds = settled(1e9, 0.005, 1e8);
        assert!((0.1..0.23).contains(&seconds), "{seconds} s a frame");
    }

    #[test]
    fn units_that_are_not_used_do_not_grow() {
        let mut units = FIRST;
        for _ in 0..100 {
            units = adapted(units, 1e3, Duration::from_millis(1), AIM);
        }
        assert_eq!(units, FIRST);
    }
}
