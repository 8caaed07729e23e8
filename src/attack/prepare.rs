//! Before the first iteration: the inputs checked and written, the state set, the step size chosen.

use bytemuck::cast_slice;

use super::config::AttackConfig;
use super::input::{AttackInput, Sample, words_of};
use super::iterations::{Iterations, Step};
use super::plan::Attack;
use super::{asma, budget, minimal};
use crate::error::{Error, Result};
use crate::kernels::ledger::{ENDED, HEADER, STATE, STATE_LENGTH, STATE_STOPPED, image_groups};
use crate::labels::IGNORE;
use crate::program::{Executor, wait};
use crate::tensor::Shape;

impl Attack {
    /// Checks the inputs, writes them to the executor's buffers, sets the state back to the beginning and, if
    /// the step size is automatic, runs the network once to choose it. Returns what hands out the iterations.
    ///
    /// # Errors
    /// If an input does not fit the attack, or the device fails.
    pub fn prepare(&self, executor: &mut dyn Executor, input: AttackInput<'_>) -> Result<Iterations> {
        wait(self.prepare_async(executor, input))
    }

    /// The async form of [`Attack::prepare`].
    ///
    /// # Errors
    /// As [`Attack::prepare`].
    pub async fn prepare_async(
        &self,
        executor: &mut dyn Executor,
        input: AttackInput<'_>,
    ) -> Result<Iterations> {
        let steps = self.choose_steps(executor, input).await?;
        for place in 0..input.targets.len() {
            if let Some(sample) = input.sample(place, steps.get(place).copied()) {
                self.begin(executor, place, sample)?;
            }
        }
        Ok(Iterations::new(self, steps))
    }

    /// Checks the inputs, and chooses the step of each sample of ASMA; none of other attacks. Where the step size is automatic
    /// this runs the network once, on the sources.
    ///
    /// # Errors
    /// If an input does not fit the attack, the device fails, or the network's gradient gives no step size.
    pub(crate) async fn choose_steps(
        &self,
        executor: &mut dyn Executor,
        input: AttackInput<'_>,
    ) -> Result<Vec<Step>> {
        self.check(input)?;
        match &self.config {
            AttackConfig::Asma(config) => self.asma_steps(config, executor, input).await,
            AttackConfig::Budget(_) | AttackConfig::Minimal(_) => Ok(Vec::new()),
        }
    }

    /// Writes a sample that fits the attack to a place of the batch, which whatever iteration comes next is the first of;
    /// other places are left as they are.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) fn begin(&self, executor: &mut dyn Executor, place: usize, sample: Sample<'_>) -> Result<()> {
        let shape = Shape {
            n: 1,
            ..self.adversarial().shape
        };
        let elements = shape.elements();
        // The trace's rows behind it are written before they are read.
        let mut ledger = vec![0; self.planned.shape.ring_start];
        let mut start = None;
        match &self.config {
            AttackConfig::Asma(config) => {
                let Some(step) = sample.step else {
                    return Err(Error::Usage(
                        "a sample is to be begun before its step is chosen".into(),
                    ));
                };
                asma::begin(config, step, &mut ledger);
            }
            AttackConfig::Budget(config) => {
                budget::begin(config, &mut ledger);
                start = budget::start(config, shape, sample);
                if let Some(start) = &start {
                    budget::begin_at(start, sample.source, &mut ledger);
                }
            }
            AttackConfig::Minimal(config) => {
                let counted = sample.target.labels().len() - sample.target.count(IGNORE);
                minimal::begin(config, counted, &mut ledger);
            }
        }
        // It may begin at an iteration of either parity.
        let sums = 2 * image_groups(shape.into()) as usize;
        ledger.copy_within(HEADER..HEADER + sums, HEADER + sums);
        ledger.copy_within(STATE..STATE + STATE_LENGTH, STATE + STATE_LENGTH);

        let image = place * elements;
        let source = cast_slice(sample.source);
        executor.write_words(self.buffers.source, image, source)?;
        let start = start.as_deref().map_or(source, cast_slice);
        executor.write_words(self.adversarial().buffer, image, start)?;
        // What the steps remember stands behind the best image of all samples, and begins as nothing.
        let best = self.planned.best.buffer;
        executor.write_words(best, image, source)?;
        for section in 1..self.planned.sections {
            let memory = section * self.adversarial().shape.elements() + image;
            executor.write_words(best, memory, &vec![0; elements])?;
        }
        let target = words_of(std::slice::from_ref(sample.target));
        executor.write_words(self.buffers.target, place * target.len(), &target)?;
        if let (Some(buffer), Some(region)) = (self.buffers.region, sample.region) {
            let region = words_of(std::slice::from_ref(region));
            executor.write_words(buffer, place * region.len(), &region)?;
        }
        let counts = vec![0; 2 * self.planned.counts_length];
        executor.write_words(self.planned.counts, place * counts.len(), &counts)?;
        executor.write_words(self.planned.ledger, place * self.planned.shape.length, &ledger)
    }

    /// Stops what stands in a place of the batch, if it has not stopped.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) fn stop(&self, executor: &mut dyn Executor, place: usize) -> Result<()> {
        for parity in [0, 1] {
            let word = STATE + parity * STATE_LENGTH + STATE_STOPPED;
            let word = place * self.planned.shape.length + word;
            executor.write_words(self.planned.ledger, word, &[ENDED])?;
        }
        Ok(())
    }

    /// Checks that an input fits the attack.
    pub(super) fn check(&self, input: AttackInput<'_>) -> Result<()> {
        let usage = |problem: String| Err(Error::Usage(problem));
        let (wanted, output) = (self.adversarial().shape, self.logits().shape);
        if input.source.shape() != wanted {
            return usage(format!(
                "the source has shape {}; the attack was planned for {wanted}",
                input.source.shape()
            ));
        }
        if let Some(value) = input.source.data().iter().find(|v| !(0.0..=1.0).contains(*v)) {
            return usage(format!(
                "the source has a pixel value of {value}; want values between 0 and 1"
            ));
        }
        if input.targets.len() != wanted.n {
            return usage(format!("{} targets for {} images", input.targets.len(), wanted.n));
        }
        for target in input.targets {
            if (target.height(), target.width()) != (output.h, output.w) {
                return usage(format!(
                    "the target is {}×{} (rows × columns); the network's output is {}×{}",
                    target.height(),
                    target.width(),
                    output.h,
                    output.w
                ));
            }
            match target.largest_class() {
                None => {
                    return usage("the target's pixels are all to be ignored; nothing is attacked".into());
                }
                Some(class) if class as usize >= self.class_count => {
                    return usage(format!(
                        "the target has class {class}; the network has classes 0 to {}",
                        self.class_count - 1
                    ));
                }
                Some(_) => {}
            }
        }
        let regions_wanted = if self.buffers.region.is_some() {
            wanted.n
        } else {
            0
        };
        if input.regions.len() != regions_wanted {
            return usage(format!(
                "{} regions were given; the attack was planned for {regions_wanted}",
                input.regions.len()
            ));
        }
        for region in input.regions {
            if (region.height(), region.width()) != (wanted.h, wanted.w) {
                return usage(format!(
                    "the region is {}×{} (rows × columns); the network's input is {}×{}",
                    region.height(),
                    region.width(),
                    wanted.h,
                    wanted.w
                ));
            }
            if region.count(0) == region.labels().len() {
                return usage("the region is empty, so no pixel may change; mark the pixels that may".into());
            }
        }
        Ok(())
    }
}
