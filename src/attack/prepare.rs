//! Before the first iteration: the inputs checked and written, the state set, the step size chosen.

use super::config::{Multiplier, Schedule, StepSize};
use super::iterations::{Iterations, Step};
use super::plan::Attack;
use super::snapshots::Snapshots;
use crate::error::{Error, Result};
use crate::kernels::{asma_mask, asma_update};
use crate::labels::{IGNORE, LabelMap, compare};
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
        executor.write(buffers.best, input.source.data())?;
        executor.write_words(buffers.target, 0, &words_of(input.targets))?;
        if let Some(region) = buffers.region {
            executor.write_words(region, 0, &words_of(input.regions))?;
        }
        let samples = input.source.shape().n;
        let steps = match self.config.step {
            StepSize::Fixed { tau, beta } => {
                let step = Step {
                    tau,
                    beta,
                    leap: 0.0,
                    floor: 0.0,
                };
                vec![step; samples]
            }
            StepSize::Automatic => self.automatic_steps(executor, input)?,
        };
        let counts = 2 * asma_mask::counts_length(self.class_count) * samples;
        executor.write_words(buffers.counts, 0, &vec![0; counts])?;
        let length = self.ledger_length();
        let mut ledger = vec![0u32; length * samples];
        for (words, &step) in ledger.chunks_mut(length).zip(&steps) {
            let Step {
                tau,
                beta,
                leap,
                floor,
            } = step;
            words[asma_update::TAU] = tau.to_bits();
            words[asma_update::BETA] = beta.to_bits();
            // A rounding less, as the difference to the source is rounded too.
            words[asma_update::CAP] = (self.config.cap.unwrap_or(2.0) - f32::EPSILON / 2.0).to_bits();
            words[asma_update::LEAP] = leap.to_bits();
            words[asma_update::PULL] = StepSize::PULL.to_bits();
            words[asma_update::FLOOR] = floor.to_bits();
            words[asma_update::STOP_IOU] = self.config.stop_iou.unwrap_or(2.0).to_bits();
            words[asma_update::PATIENCE] = self.config.patience.unwrap_or(0);
            if self.config.schedule == Schedule::TwoForward {
                // The first iteration has no second forward pass before it: as if something had been clipped.
                words[asma_update::HEADER] = 1;
            }
            let state = &mut words[asma_update::STATE..];
            state[asma_update::STATE_BEST_IOU] = (-1.0f32).to_bits();
            state[asma_update::STATE_MULTIPLIER] = tau.to_bits();
            state[asma_update::STATE_SCALE] = 1.0f32.to_bits();
        }
        executor.write_words(buffers.ledger, 0, &ledger)?;
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

    /// The step of each sample from its first gradient, see [`StepSize::Automatic`].
    fn automatic_steps(&self, executor: &mut dyn Executor, input: AttackInput<'_>) -> Result<Vec<Step>> {
        executor.submit(&self.first_gradient)?;
        let gradients = self.read_images(executor, self.gradient)?;
        executor.submit(&[self.predict])?;
        let predictions = self.read_predictions(executor)?;
        let attacked = self.config.attacked(self.class_count);
        let pixels = gradients.shape().pixels();
        let elements = gradients.shape().c * pixels;
        let samples = gradients.data().chunks(elements).zip(input.targets).enumerate();
        samples
            .map(|(index, (gradient, target))| {
                let region = input.regions.get(index).map(LabelMap::labels);
                // Only what may change counts.
                let moving = gradient
                    .iter()
                    .enumerate()
                    .filter(|(element, _)| region.is_none_or(|region| region[element % pixels] != 0));
                let (count, squares) = moving.fold((0u64, 0.0), |(count, squares), (_, &g)| {
                    (count + 1, squares + (g as f64).powi(2))
                });
                let prediction = &predictions[index];
                let (iou, _) = compare(target, prediction, &self.scored_classes())?;
                // What an IoU of 1 adds to the multiplier, in units of τ.
                let growth = 10.0;
                let second = match self.config.multiplier {
                    Multiplier::Dynamic => 1.0 + growth * f64::from(iou).max(StepSize::LEAST_IOU),
                    Multiplier::Static => 1.0,
                };
                let length = StepSize::FIRST_STEP * (count as f64).sqrt();
                let leap = (StepSize::LEAP * length) as f32;
                let floor = (StepSize::FLOOR * (count as f64).sqrt()) as f32;
                if is_reached(prediction, target, &attacked) {
                    // Any step will do.
                    return Ok(Step {
                        tau: 1e-7,
                        beta: 1e-6,
                        leap,
                        floor,
                    });
                }
                let tau = (length / squares.sqrt() / second) as f32;
                if tau.is_finite() && tau > 0.0 {
                    let beta = growth as f32 * tau;
                    Ok(Step {
                        tau,
                        beta,
                        leap,
                        floor,
                    })
                } else {
                    Err(Error::NotFinite(format!(
                        "the network's gradient (squared norm {squares:e} over {count} values) gives no step \
                         size; check the weights, or give --tau"
                    )))
                }
            })
            .collect()
    }
}

/// Whether every pixel that the target wants of an attacked class is predicted so.
fn is_reached(prediction: &LabelMap, target: &LabelMap, attacked: &[u8]) -> bool {
    let pixels = target.labels().iter().zip(prediction.labels());
    pixels
        .filter(|(wanted, _)| **wanted != IGNORE && attacked.contains(wanted))
        .all(|(wanted, predicted)| wanted == predicted)
}

/// Labels as words of a buffer.
fn words_of(maps: &[LabelMap]) -> Vec<u32> {
    maps.iter()
        .flat_map(|map| map.labels().iter().map(|&label| label as u32))
        .collect()
}

// The label that shaders leave out is the one that label maps call so.
const _: () = assert!(IGNORE as u32 == asma_mask::IGNORE);
