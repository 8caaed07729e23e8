//! The order of iterations: each handed out once, in turn.

use std::sync::Arc;

use super::asma::{Schedule, StepSize};
use super::plan::Attack;
use super::planner::Calls;
use crate::program::CallId;

/// Passes of the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passes {
    /// From image to logits.
    pub forward: u64,
    /// From the gradient of the logits to that of the image.
    pub backward: u64,
}

impl Attack {
    /// The passes that a sample's first iterations take, with those that come before them; none where none was run. In the
    /// two-forward schedule a forward pass that is left out because the clip changed nothing counts too, as the published
    /// loop takes it.
    pub fn passes(&self, iterations: u32) -> Passes {
        if iterations == 0 {
            return Passes {
                forward: 0,
                backward: 0,
            };
        }
        let iterations = u64::from(iterations);
        let (first, forward) = match self.config.asma() {
            Some(asma) => (
                u64::from(asma.step == StepSize::Automatic),
                match asma.schedule {
                    Schedule::OneForward => 1,
                    Schedule::TwoForward => 2,
                },
            ),
            None => (0, 1),
        };
        let schedule = self.planned.calls.schedule.iter();
        let blind = schedule
            .take(iterations as usize)
            .filter(|&&is_last| is_last)
            .count() as u64;
        Passes {
            forward: first + forward * iterations,
            backward: first + iterations - blind,
        }
    }
}

/// How one sample is stepped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// τ, the multiplier at an IoU of 0.
    pub tau: f32,
    /// β, what an IoU of 1 adds to it.
    pub beta: f32,
    /// The most that L2 may grow by in a step that is held, see [`StepSize::LEAP`](super::StepSize::LEAP).
    pub leap: f32,
    /// The L2 of a perturbation that need not be refined, see [`StepSize::FLOOR`](super::StepSize::FLOOR).
    pub floor: f32,
}

/// Hands out the calls of one iteration after the other, from the first to the last that the settings allow.
///
/// An iteration goes on from what the one before left on the device, so each must run once, in turn, on the executor that
/// was prepared, and nothing else may write the attack's buffers meanwhile. This cannot be copied, and
/// [`Attack::prepare`] is what begins anew.
#[derive(Debug)]
pub struct Iterations {
    calls: Calls,
    steps: Vec<Step>,
    handed_out: u32,
    limit: u32,
}

impl Iterations {
    pub(super) fn new(attack: &Attack, steps: Vec<Step>) -> Self {
        Iterations {
            calls: attack.planned.calls.clone(),
            steps,
            handed_out: 0,
            limit: attack.config().iterations(),
        }
    }

    /// How each sample is stepped, of ASMA.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many iterations were handed out.
    pub fn handed_out(&self) -> u32 {
        self.handed_out
    }
}

impl Iterator for Iterations {
    type Item = Arc<[CallId]>;

    fn next(&mut self) -> Option<Arc<[CallId]>> {
        if self.handed_out >= self.limit {
            return None;
        }
        let number = self.handed_out.into();
        self.handed_out += 1;
        Some(Arc::clone(self.calls.of(number, std::iter::once(number))))
    }
}
