//! Changes of a live attack: checked when they are asked for, written between two iterations.

use super::Live;
use super::change::Change;
use crate::attack::asma::{self, AsmaConfig, Schedule, StepSize};
use crate::attack::config::AttackConfig;
use crate::attack::input::{AttackInput, words_of};
use crate::attack::iterations::Step;
use crate::error::{Error, Result};
use crate::kernels::ledger;
use crate::labels::LabelMap;
use crate::program::Executor;

impl Live {
    /// Another target, from the next iteration on. What was best is so no more.
    ///
    /// # Errors
    /// If it does not fit the network, or the attack is not ASMA: others follow a schedule, and have to begin anew.
    pub fn set_target(&mut self, target: LabelMap) -> Result<()> {
        self.refuse_others()?;
        self.attack.check(AttackInput {
            source: &self.source,
            targets: std::slice::from_ref(&target),
            regions: self.region.as_slice(),
            snapshots: self.snapshots,
        })?;
        self.target = target;
        self.change([Change::Target, Change::Forget]);
        Ok(())
    }

    /// Another region, from the next iteration on: pixels that may not change any more become as they are in the source. What was
    /// best is so no more. The first row after it has L2 and L∞ of the image before.
    ///
    /// # Errors
    /// If it does not fit the image, or the attack was not planned with a region or is not ASMA.
    pub fn set_region(&mut self, region: LabelMap) -> Result<()> {
        self.refuse_others()?;
        self.attack.check(AttackInput {
            source: &self.source,
            targets: std::slice::from_ref(&self.target),
            regions: std::slice::from_ref(&region),
            snapshots: self.snapshots,
        })?;
        self.region = Some(region);
        self.change([Change::Region, Change::Forget]);
        Ok(())
    }

    /// Other steps, from the next iteration on; of the two-forward schedule with a dynamic multiplier from the one after it, whose
    /// multiplier follows from the IoU that the next one comes to.
    ///
    /// # Errors
    /// If a number is not finite or τ not above 0, or the attack is not ASMA.
    pub fn set_step(&mut self, step: Step) -> Result<()> {
        self.refuse_others()?;
        let numbers = [step.tau, step.beta, step.leap, step.floor];
        if !(numbers.iter().all(|number| number.is_finite() && *number >= 0.0) && step.tau > 0.0) {
            return Err(Error::Usage(format!(
                "{step:?} is no step; want finite numbers that are not negative, and tau above 0"
            )));
        }
        self.step = Some(step);
        self.change([Change::Settings]);
        Ok(())
    }

    /// Other settings of ASMA, from the next iteration on: all but those that the calls were planned with. With another objective,
    /// mask, multiplier, cap, IoU to stop at or refinement, what was best is so no more; a refinement that has no limit of its own
    /// takes as many iterations at most as there were from the attack's beginning.
    ///
    /// # Errors
    /// If they cannot be, or differ in the schedule, λ, the classes, the precision or whether steps are automatic; or in the
    /// objective, mask, multiplier, cap or refinement where the attack is not [changeable](crate::attack::Attack::changeable).
    pub fn set_config(&mut self, config: AsmaConfig) -> Result<()> {
        let now = self.refuse_others()?;
        config.check(self.attack.class_count)?;
        let fixed = |config: &AsmaConfig| (config.schedule, config.classes.clone(), config.precision);
        let is_automatic = |config: &AsmaConfig| config.step == StepSize::Automatic;
        let planned = fixed(now) == fixed(&config)
            && now.lambda == config.lambda
            && is_automatic(now) == is_automatic(&config);
        let changeable = self.attack.is_changeable;
        let called = changeable && config.schedule == Schedule::OneForward || now.choice() == config.choice();
        let written =
            changeable || now.cap.is_some() == config.cap.is_some() && now.refines() == config.refines();
        if !(planned && called && written) {
            return Err(Error::Usage(
                "these settings are parts of the calls that the attack was planned with: plan it as changeable for another \
                 objective, mask, multiplier, cap or refinement, and anew for another schedule, lambda, classes, precision or \
                 step rule"
                    .into(),
            ));
        }
        // What was reached with another IoU to stop at, or was being refined, is not what is wanted now.
        let forgets = now.choice() != config.choice()
            || (now.cap, now.stop_iou, now.refine) != (config.cap, config.stop_iou, config.refine);
        if let StepSize::Fixed { tau, beta } = config.step {
            self.step = self.step.map(|step| Step { tau, beta, ..step });
        }
        self.limit = config.iterations;
        self.attack.config = AttackConfig::Asma(config);
        self.change([Change::Settings]);
        if forgets {
            self.change([Change::Forget]);
        }
        Ok(())
    }

    /// The settings of ASMA, if it is that.
    fn refuse_others(&self) -> Result<&AsmaConfig> {
        self.attack.config.asma().ok_or_else(|| {
            Error::Usage(format!(
                "the attack `{}` follows a schedule, and cannot be changed under way; begin it anew",
                self.attack.config.name()
            ))
        })
    }

    fn change<const COUNT: usize>(&mut self, changes: [Change; COUNT]) {
        for change in changes {
            if !self.changes.contains(&change) {
                self.changes.push(change);
            }
        }
    }

    /// Writes the changes now if no iteration is half handed out, as [`Live::next_calls`] does before it begins one: so that they
    /// show while the attack rests.
    ///
    /// # Errors
    /// If the device fails.
    pub fn write_changes(&mut self, executor: &mut dyn Executor) -> Result<()> {
        if self.changes.is_empty() || !self.rest.is_empty() {
            return Ok(());
        }
        for change in std::mem::take(&mut self.changes) {
            match change {
                Change::Target => {
                    let words = words_of(std::slice::from_ref(&self.target));
                    executor.write_words(self.attack.buffers.target, 0, &words)?;
                }
                Change::Region => self.write_region(executor)?,
                Change::Settings => self.write_settings(executor)?,
                Change::Forget => {
                    self.write_state(executor, &asma::forgetting())?;
                    self.reached = None;
                    self.best_iteration = 0;
                }
            }
        }
        // Whatever has changed, it goes on, with all of its patience.
        self.write_state(executor, &asma::going_on())?;
        self.stopped = ledger::RUNNING;
        for statistics in &mut self.under_way {
            statistics.is_outdated = true;
        }
        Ok(())
    }

    fn write_settings(&self, executor: &mut dyn Executor) -> Result<()> {
        let (Some(config), Some(step)) = (self.attack.config.asma(), self.step) else {
            return Ok(());
        };
        for (word, setting) in asma::settings(config, step) {
            executor.write_words(self.attack.planned.ledger, word, &[setting])?;
        }
        Ok(())
    }

    /// Writes words of the state of either parity.
    fn write_state(&self, executor: &mut dyn Executor, words: &[(usize, u32)]) -> Result<()> {
        for parity in [0, 1] {
            for &(word, value) in words {
                let place = ledger::STATE + parity * ledger::STATE_LENGTH + word;
                executor.write_words(self.attack.planned.ledger, place, &[value])?;
            }
        }
        Ok(())
    }

    fn write_region(&self, executor: &mut dyn Executor) -> Result<()> {
        let (Some(buffer), Some(region)) = (self.attack.buffers.region, &self.region) else {
            return Ok(());
        };
        executor.write_words(buffer, 0, &words_of(std::slice::from_ref(region)))?;
        let image = self.attack.adversarial();
        let labels = region.labels();
        let mut pixel = 0;
        // Whole runs of pixels that may not change, in each channel.
        for run in labels.chunk_by(|one, next| (*one == 0) == (*next == 0)) {
            if run[0] == 0 {
                for channel in 0..image.shape.c {
                    let start = channel * labels.len() + pixel;
                    let values = &self.source.data()[start..start + run.len()];
                    executor.write_words(image.buffer, start, bytemuck::cast_slice(values))?;
                }
            }
            pixel += run.len();
        }
        let schedule = self.attack.config.asma().map(|config| config.schedule);
        if schedule == Some(Schedule::TwoForward) {
            // What the network has computed is of the image before.
            for word in asma::clipped_words(image.shape.into()) {
                executor.write_words(self.attack.planned.ledger, word, &[1])?;
            }
        }
        Ok(())
    }
}
