//! The attack on samples that are all given at once.

use std::ops::ControlFlow;

use super::input::{AttackInput, Sample};
use super::iterations::Step;
use super::outcome::{Outcome, Progress};
use super::places::{Manner, Supply};
use super::plan::Attack;
use crate::error::{Error, Result};
use crate::program::{Executor, wait};

/// Samples of which each has a place of its own.
struct Given<'a> {
    input: AttackInput<'a>,
    steps: Vec<Step>,
    begun: usize,
    outcomes: Vec<Option<Outcome>>,
    progress: &'a mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
}

impl Attack {
    /// Runs the attack to its end. `progress` is called after every batch of iterations and stops it by
    /// returning `Break`; what is done by then is kept.
    ///
    /// # Errors
    /// If an input does not fit the attack, the device fails, or the numbers leave the finite range.
    pub fn run(
        &self,
        executor: &mut dyn Executor,
        input: AttackInput<'_>,
        progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Outcome>> {
        wait(self.run_async(executor, input, progress))
    }

    /// The async form of [`Attack::run`], for where nothing may block: it goes on whenever it is polled, each time that the
    /// device has something to tell.
    ///
    /// # Errors
    /// As [`Attack::run`].
    pub async fn run_async(
        &self,
        executor: &mut dyn Executor,
        input: AttackInput<'_>,
        progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Outcome>> {
        let mut given = Given {
            input,
            steps: self.choose_steps(executor, input).await?,
            begun: 0,
            outcomes: vec![None; input.targets.len()],
            progress,
        };
        let manner = Manner {
            snapshots: input.snapshots,
            refills: false,
        };
        self.run_samples_async(executor, &mut given, manner).await?;
        Ok(given.outcomes.into_iter().flatten().collect())
    }
}

impl Supply for Given<'_> {
    fn next(&mut self) -> Result<Option<Sample<'_>>> {
        let number = self.begun;
        self.begun += 1;
        Ok(self.input.sample(number, self.steps.get(number).copied()))
    }

    fn ended(&mut self, number: usize, outcome: Result<Outcome>, _: f64) -> Result<()> {
        let outcome = match outcome {
            Err(Error::NotFinite(problem)) if self.outcomes.len() > 1 => {
                Err(Error::NotFinite(format!("image {number}: {problem}")))
            }
            outcome => outcome,
        };
        self.outcomes[number] = Some(outcome?);
        Ok(())
    }

    fn progress(&mut self, now: Progress<'_>) -> ControlFlow<()> {
        (self.progress)(now)
    }
}
