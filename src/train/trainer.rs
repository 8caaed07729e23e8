//! The loop over epochs.

use std::ops::ControlFlow;

use super::batch::{Batch, centre};
use super::plan::{PendingStep, TrainingPlan};
use super::samples::Samples;
use super::split::epoch_order;
use super::state::{Best, Data, Progress, TrainingState};
use crate::error::{Error, Result};
use crate::labels::{IGNORE, LabelMap, compare};
use crate::program::Executor;
use crate::statistics::EpochRow;
use crate::threads;

/// What a run tells those who watch it.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step is done.
    Step {
        /// The epoch, counted from 1.
        epoch: u32,
        /// Steps done in all epochs together, and how many there will be.
        done: u32,
        /// See `done`.
        steps: u32,
        /// Mean loss of this epoch's steps so far.
        loss: f64,
    },
    /// An epoch is done and validated.
    Epoch {
        /// Its numbers.
        row: EpochRow,
        /// Whether it is the best so far.
        best: bool,
        /// Everything, to be saved.
        state: &'a TrainingState,
    },
}

/// A training run.
pub struct Trainer<'a> {
    plan: &'a TrainingPlan,
    executor: &'a mut dyn Executor,
    training: &'a Samples,
    validation: &'a Samples,
    progress: Progress,
}

impl<'a> Trainer<'a> {
    /// A run of `plan` from its graph's own weights, or from where `state` left off.
    ///
    /// # Errors
    /// If there are fewer samples to train on than in one batch, none to validate on, samples of another size
    /// than planned for or with labels that are no class of the network, or if `state` is of a run with other
    /// settings or other samples; or if the device failed.
    pub fn new(
        plan: &'a TrainingPlan,
        executor: &'a mut dyn Executor,
        training: &'a Samples,
        validation: &'a Samples,
        state: Option<TrainingState>,
    ) -> Result<Trainer<'a>> {
        check_samples(plan, training, validation)?;
        threads::start()?;
        let data = Data {
            samples: [training.len(), validation.len()],
            fingerprints: [training.fingerprint(), validation.fingerprint()],
            input: plan.input().to_string(),
            output: plan.output().to_string(),
        };
        let per_epoch = training.len() / plan.input().n;
        let steps = (per_epoch as u64).saturating_mul(plan.config().epochs.into());
        if steps > u64::from(u32::MAX) {
            return Err(Error::Usage(format!(
                "{} epochs of {per_epoch} steps are more than {} steps; want fewer epochs",
                plan.config().epochs,
                u32::MAX
            )));
        }
        plan.prepare(executor)?;
        let progress = match state {
            None => Progress {
                data,
                epoch: 0,
                step: 0,
                loss_sum: 0.0,
                history: Vec::new(),
                best: None,
            },
            Some(state) => {
                check_same_run(plan, &state, &data)?;
                check_progress(&state.progress, plan.config().epochs, per_epoch as u32)?;
                plan.write_state(executor, state.numbers.each_ref().map(Vec::as_slice))?;
                state.progress
            }
        };
        Ok(Trainer {
            plan,
            executor,
            training,
            validation,
            progress,
        })
    }

    /// Steps in an epoch.
    fn steps_per_epoch(&self) -> u32 {
        (self.training.len() / self.plan.input().n) as u32
    }

    /// Trains until all epochs are done, or `observer` wants to stop. Returns the state at the end, from which
    /// another run can go on to the same numbers.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if the loss or the gradient leaves the finite range, naming epoch and step; or if the device
    /// failed. What an earlier [`Event::Epoch`] gave is still good.
    pub fn run(
        mut self,
        observer: &mut dyn FnMut(Event<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<TrainingState> {
        while self.progress.epoch < self.plan.config().epochs {
            let wish = self.train_epoch(observer)?;
            if self.progress.step < self.steps_per_epoch() {
                break;
            }
            let row = self.finish_epoch()?;
            let best = self.progress.best.is_some_and(|best| best.epoch == row.epoch);
            let state = self.state()?;
            let state = &state;
            if observer(Event::Epoch { row, best, state })?.is_break() || wish.is_break() {
                break;
            }
        }
        self.state()
    }

    fn train_epoch(
        &mut self,
        observer: &mut dyn FnMut(Event<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let epoch = self.progress.epoch + 1;
        let config = self.plan.config();
        let batch = self.plan.input().n;
        let per_epoch = self.steps_per_epoch();
        let steps = per_epoch * config.epochs;
        let order = epoch_order(self.training.len(), config.seed, epoch.into());
        let mut under_way: Option<PendingStep> = None;
        let mut wanted = ControlFlow::Continue(());
        for step in self.progress.step..per_epoch {
            let indices = &order[step as usize * batch..][..batch];
            // Made while the device still works on the step before.
            let next = Batch::varied(self.training, indices, config, epoch, self.plan.output())?;
            let done = (epoch - 1) * per_epoch + step;
            let rate = config.learning_rate_at(done, steps);
            let pending = self
                .plan
                .step(self.executor, &next.images, &next.labels, done + 1, rate)?;
            if let Some(before) = under_way.replace(pending) {
                wanted = self.finish_step(before, observer)?;
                if wanted.is_break() {
                    break;
                }
            }
        }
        if let Some(last) = under_way {
            let after = self.finish_step(last, observer)?;
            if after.is_break() {
                wanted = after;
            }
        }
        Ok(wanted)
    }

    /// Waits for a step and takes its loss in.
    fn finish_step(
        &mut self,
        step: PendingStep,
        observer: &mut dyn FnMut(Event<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let report = self.plan.receive(step)?;
        let (epoch, per_epoch) = (self.progress.epoch + 1, self.steps_per_epoch());
        let epochs = self.plan.config().epochs;
        self.progress.step += 1;
        let done = self.progress.epoch * per_epoch + self.progress.step;
        if !report.loss.is_finite() || !report.gradient_norm.is_finite() {
            return Err(self.diverged(&format!(
                "the loss is {} and the norm of the gradient {}",
                report.loss, report.gradient_norm
            )));
        }
        self.progress.loss_sum += report.loss;
        observer(Event::Step {
            epoch,
            done,
            steps: per_epoch * epochs,
            loss: self.progress.loss_sum / f64::from(self.progress.step),
        })
    }

    /// The numbers left the finite range: where, and what can be done.
    fn diverged(&self, problem: &str) -> Error {
        let config = self.plan.config();
        let (epoch, step) = (self.progress.epoch, self.progress.step);
        let clip = match config.most_norm {
            0.0 => "clip the gradient to a norm (now it is not clipped)".to_string(),
            norm => format!("clip the gradient to a smaller norm (now {norm:?})"),
        };
        Error::NotFinite(format!(
            "the training diverged at step {step} of epoch {} (step {} in all): {problem}; lower the learning rate \
             (now {:?}), raise the warm-up (now {} steps) or {clip}",
            epoch + 1,
            epoch * self.steps_per_epoch() + step,
            config.learning_rate,
            config.warm_up,
        ))
    }

    /// Validates, and takes the epoch into the history.
    fn finish_epoch(&mut self) -> Result<EpochRow> {
        let per_epoch = self.steps_per_epoch();
        let (loss, iou) = match self.validate() {
            Ok((loss, iou)) if loss.is_finite() => (loss, iou),
            Ok((loss, _)) => return Err(self.diverged(&format!("the validation loss is {loss}"))),
            Err(Error::NotFinite(problem)) => return Err(self.diverged(&problem)),
            Err(error) => return Err(error),
        };
        let config = self.plan.config();
        self.progress.epoch += 1;
        let row = EpochRow {
            epoch: self.progress.epoch,
            training_loss: self.progress.loss_sum / f64::from(per_epoch),
            validation_loss: loss,
            validation_iou: iou,
            learning_rate: config
                .learning_rate_at(self.progress.epoch * per_epoch - 1, per_epoch * config.epochs),
        };
        let best = self.progress.best_row();
        if best.is_none_or(|best| row.is_better_than(best)) {
            self.progress.best = Some(Best {
                epoch: row.epoch,
                iou,
            });
        }
        self.progress.history.push(row);
        self.progress.step = 0;
        self.progress.loss_sum = 0.0;
        Ok(row)
    }

    /// Mean loss of the validation samples, and their mean IoU as [`EpochRow::validation_iou`] has it.
    fn validate(&mut self) -> Result<(f64, f64)> {
        let output = self.plan.output();
        let (mut loss_sum, mut iou_sum, mut scored) = (0.0, 0.0, 0.0);
        for first in (0..self.validation.len()).step_by(output.n) {
            let batch = Batch::plain(self.validation, first, output)?;
            let (loss, logits) = self.plan.assess(self.executor, &batch.images, &batch.labels)?;
            let count = output.n.min(self.validation.len() - first);
            loss_sum += loss * count as f64;
            for sample in 0..count {
                let (_, labels) = self.validation.get(first + sample)?;
                let wanted = LabelMap::new(
                    output.h,
                    output.w,
                    centre(labels, output).flatten().copied().collect(),
                )?;
                let found = LabelMap::from_logits(&logits, sample)?;
                let present = foreground(&wanted, &found);
                if !present.is_empty() {
                    iou_sum += f64::from(compare(&wanted, &found, &present)?.0);
                    scored += 1.0;
                }
            }
        }
        let iou = if scored > 0.0 { iou_sum / scored } else { 1.0 };
        Ok((loss_sum / self.validation.len() as f64, iou))
    }

    /// The state as it is now.
    ///
    /// # Errors
    /// If the device failed.
    pub fn state(&mut self) -> Result<TrainingState> {
        Ok(TrainingState {
            config: self.plan.config().clone(),
            progress: self.progress.clone(),
            numbers: self.plan.read_state(self.executor)?,
        })
    }
}

/// The foreground classes that labels or prediction have where the labels are not [`IGNORE`]. One that neither has says
/// nothing about the network.
fn foreground(wanted: &LabelMap, found: &LabelMap) -> Vec<u8> {
    let mut present = [false; 256];
    for (&wanted, &found) in wanted.labels().iter().zip(found.labels()) {
        if wanted != IGNORE {
            present[usize::from(wanted)] = true;
            present[usize::from(found)] = true;
        }
    }
    (1..IGNORE).filter(|&class| present[usize::from(class)]).collect()
}

fn check_samples(plan: &TrainingPlan, training: &Samples, validation: &Samples) -> Result<()> {
    let input = plan.input();
    if training.len() < input.n {
        return Err(Error::Usage(format!(
            "there are {} samples to train on, and a batch takes {}; give more images or a smaller batch",
            training.len(),
            input.n
        )));
    }
    if validation.is_empty() {
        return Err(Error::Usage(
            "there are no samples to validate on; keep at least one for that".into(),
        ));
    }
    for samples in [training, validation] {
        let shape = samples.shape();
        if (shape.c, shape.h, shape.w) != (input.c, input.h, input.w) {
            return Err(Error::Usage(format!(
                "samples of shape {shape} were given to a training planned for {input}"
            )));
        }
        let classes = plan.output().c;
        if let Some(largest) = samples.largest_class()
            && usize::from(largest) >= classes
        {
            return Err(Error::Usage(format!(
                "a sample has the label {largest}, and the network has the classes 0 to {}; give it more classes \
                 or mend the masks",
                classes - 1
            )));
        }
    }
    Ok(())
}

fn check_same_run(plan: &TrainingPlan, state: &TrainingState, data: &Data) -> Result<()> {
    if let Some(difference) = first_difference(&state.config, plan.config()) {
        return Err(Error::Usage(format!(
            "the run to resume has other settings: {difference}; give the same ones, or begin a new run"
        )));
    }
    let before = &state.progress.data;
    if before.samples != data.samples {
        return Err(Error::Usage(format!(
            "the run to resume trained on {} samples and validated on {}, and now there are {} and {}; give the \
             same data",
            before.samples[0], before.samples[1], data.samples[0], data.samples[1]
        )));
    }
    if [&before.input, &before.output] != [&data.input, &data.output] {
        return Err(Error::Usage(format!(
            "the network of the run to resume took {} to {}, and this one takes {} to {}; give the same size, \
             batch and padding",
            before.input, before.output, data.input, data.output
        )));
    }
    if before.fingerprints != data.fingerprints {
        return Err(Error::Usage(
            "the run to resume had other images or masks, or split them otherwise; give the same data".into(),
        ));
    }
    Ok(())
}

/// How far the run says that it has come must be a place that a run comes through.
fn check_progress(progress: &Progress, epochs: u32, per_epoch: u32) -> Result<()> {
    let numbered = progress
        .history
        .iter()
        .map(|row| row.epoch)
        .eq(1..=progress.epoch);
    let best_is_known = match progress.best {
        Some(_) => progress.best_row().is_some(),
        None => progress.history.is_empty(),
    };
    let possible = progress.epoch <= epochs
        && progress.step < per_epoch
        && (progress.step == 0 || progress.epoch < epochs)
        && progress.loss_sum.is_finite();
    match numbered && best_is_known && possible {
        true => Ok(()),
        false => Err(Error::Usage(format!(
            "the run to resume has done {} of {epochs} epochs and {} of {per_epoch} steps of the next, with {} rows in \
             its history: no run comes there; its state is damaged, begin a new run",
            progress.epoch,
            progress.step,
            progress.history.len()
        ))),
    }
}

/// The first setting in which two runs differ, and both values.
fn first_difference(before: &super::TrainingConfig, now: &super::TrainingConfig) -> Option<String> {
    let fields = |config| match serde_json::to_value(config) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (before, now) = (fields(before), fields(now));
    first_different_field(&before, &now)
}

/// Goes into fields that have fields themselves, so that a setting is called by its own name.
fn first_different_field(
    before: &serde_json::Map<String, serde_json::Value>,
    now: &serde_json::Map<String, serde_json::Value>,
) -> Option<String> {
    before.iter().find_map(|(name, value)| {
        let other = now.get(name)?;
        if let (Some(value), Some(other)) = (value.as_object(), other.as_object()) {
            return first_different_field(value, other);
        }
        (value != other).then(|| format!("{} was {value} and is now {other}", name.replace('_', " ")))
    })
}
