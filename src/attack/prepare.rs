//! Before the first iteration: the inputs checked and written, the state set, the step size chosen.

use super::config::AttackConfig;
use super::iterations::Iterations;
use super::plan::Attack;
use super::snapshots::Snapshots;
use super::{asma, budget, minimal};
use crate::error::{Error, Result};
use crate::kernels::ledger;
use crate::labels::{IGNORE, LabelMap};
use crate::program::Executor;
use crate::tensor::Tensor;

/// What is attacked: one entry per sample of the batch.
#[derive(Clone, Copy, Debug)]
pub struct AttackInput<'a> {
    /// The images `X`, values in [0, 1].
    pub source: &'a Tensor,
    /// The targets `Y`, of the size of the network's output; [`IGNORE`] is left out of everything.
    pub targets: &'a [LabelMap],
    /// Maps of the input's size whose pixels of label 0 may not change; empty if the attack was planned
    /// without a region.
    pub regions: &'a [LabelMap],
    /// What to keep along the way.
    pub snapshots: Snapshots,
}

impl Attack {
    /// Checks the inputs, writes them to the executor's buffers, sets the state back to the beginning and, if
    /// the step size is automatic, runs the network once to choose it. Returns what hands out the iterations.
    ///
    /// # Errors
    /// If an input does not fit the attack, or the device fails.
    pub fn prepare(&self, executor: &mut dyn Executor, input: AttackInput<'_>) -> Result<Iterations> {
        self.check(input)?;
        let buffers = self.buffers;
        executor.write(buffers.source, input.source.data())?;
        executor.write(self.adversarial().buffer, input.source.data())?;
        // What the steps remember stands behind the best image, and begins as nothing.
        let mut best = input.source.data().to_vec();
        best.resize(best.len() * self.planned.sections, 0.0);
        executor.write(self.planned.best.buffer, &best)?;
        executor.write_words(buffers.target, 0, &words_of(input.targets))?;
        if let Some(region) = buffers.region {
            executor.write_words(region, 0, &words_of(input.regions))?;
        }
        let samples = input.source.shape().n;
        let (counts, length) = (
            2 * self.planned.counts_length * samples,
            self.planned.shape.length,
        );
        executor.write_words(self.planned.counts, 0, &vec![0; counts])?;
        let mut ledger = vec![0u32; length * samples];
        let ledgers = ledger.chunks_mut(length);
        let steps = match &self.config {
            AttackConfig::Asma(config) => {
                let steps = self.asma_steps(config, executor, input)?;
                for (words, &step) in ledgers.zip(&steps) {
                    asma::begin(config, step, words);
                }
                executor.write_words(self.planned.counts, 0, &vec![0; counts])?;
                steps
            }
            AttackConfig::Budget(config) => {
                let start = budget::start(config, input);
                let elements = input.source.shape().elements() / samples;
                for (sample, words) in ledgers.enumerate() {
                    budget::begin(config, words);
                    if let Some(start) = &start {
                        let own = sample * elements..(sample + 1) * elements;
                        budget::begin_at(&start.data()[own.clone()], &input.source.data()[own], words);
                    }
                }
                if let Some(start) = start {
                    executor.write(self.adversarial().buffer, start.data())?;
                }
                Vec::new()
            }
            AttackConfig::Minimal(config) => {
                for (words, labels) in ledgers.zip(input.targets) {
                    let counted = labels.labels().len() - labels.count(IGNORE);
                    minimal::begin(config, counted, words);
                }
                Vec::new()
            }
        };
        executor.write_words(self.planned.ledger, 0, &ledger)?;
        Ok(Iterations::new(self, steps))
    }

    fn check(&self, input: AttackInput<'_>) -> Result<()> {
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

/// Labels as words of a buffer.
fn words_of(maps: &[LabelMap]) -> Vec<u32> {
    maps.iter()
        .flat_map(|map| map.labels().iter().map(|&label| label as u32))
        .collect()
}

// The label that shaders leave out is the one that label maps call so.
const _: () = assert!(IGNORE as u32 == ledger::IGNORE);
