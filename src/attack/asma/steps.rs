//! Before ASMA's first iteration: the step size chosen, the ledger set.

use super::config::{AsmaConfig, Multiplier, Schedule, StepSize};
use super::refinement::Refinement;
use crate::attack::input::{AttackInput, words_of};
use crate::attack::iterations::Step;
use crate::attack::plan::Attack;
use crate::error::{Error, Result};
use crate::kernels::ledger::image_groups;
use crate::kernels::{Extent, asma_update};
use crate::labels::{IGNORE, LabelMap, compare};
use crate::program::{self, Executor};
use crate::tensor::Tensor;

impl Attack {
    /// The step of each sample.
    pub(in crate::attack) async fn asma_steps(
        &self,
        config: &AsmaConfig,
        executor: &mut dyn Executor,
        input: AttackInput<'_>,
    ) -> Result<Vec<Step>> {
        match config.step {
            StepSize::Fixed { tau, beta } => {
                let step = Step {
                    tau,
                    beta,
                    leap: 0.0,
                    floor: 0.0,
                };
                Ok(vec![step; input.source.shape().n])
            }
            StepSize::Automatic => self.automatic_steps(config, executor, input).await,
        }
    }

    /// The step of each sample from its first gradient, see [`StepSize::Automatic`]: a look at the sources, for which no more of
    /// the attack's buffers has to be ready than is written here.
    async fn automatic_steps(
        &self,
        config: &AsmaConfig,
        executor: &mut dyn Executor,
        input: AttackInput<'_>,
    ) -> Result<Vec<Step>> {
        executor.write(self.adversarial().buffer, input.source.data())?;
        executor.write_words(self.buffers.target, 0, &words_of(input.targets))?;
        program::submit(executor, &self.planned.calls.first_gradient).await?;
        let gradient = self.gradient;
        let gradients = program::read(executor, gradient.buffer, gradient.shape.elements()).await?;
        let gradients = Tensor::new(gradient.shape, gradients)?;
        program::submit(executor, &[self.predict]).await?;
        let predictions = self.read_predictions(executor).await?;
        let attacked = config.attacked(self.class_count);
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
                let second = match config.multiplier {
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
                         size; check the weights, or give `tau`"
                    )))
                }
            })
            .collect()
    }
}

/// Sets the words of a sample's ledger back to the beginning.
pub(in crate::attack) fn begin(config: &AsmaConfig, step: Step, words: &mut [u32]) {
    for (word, setting) in settings(config, step) {
        words[word] = setting;
    }
    if config.schedule == Schedule::TwoForward {
        // The first iteration has no second forward pass before it: as if something had been clipped.
        words[asma_update::HEADER] = 1;
    }
    let state = &mut words[asma_update::STATE..];
    state[asma_update::STATE_BEST_IOU] = (-1.0f32).to_bits();
    state[asma_update::STATE_MULTIPLIER] = step.tau.to_bits();
    state[asma_update::STATE_SCALE] = 1.0f32.to_bits();
}

/// The words of a sample's ledger that are settings, each with what it holds.
pub(in crate::attack) fn settings(config: &AsmaConfig, step: Step) -> [(usize, u32); 9] {
    let Step {
        tau,
        beta,
        leap,
        floor,
    } = step;
    let floor = match config.refine {
        // Where what was reached is not refined, any perturbation is small enough.
        Refinement::Off => f32::MAX,
        Refinement::On => floor,
        // As small as it gets.
        Refinement::Iterations(_) => 0.0,
    };
    [
        (asma_update::TAU, tau.to_bits()),
        (asma_update::BETA, beta.to_bits()),
        // A rounding less, as the difference to the source is rounded too.
        (
            asma_update::CAP,
            (config.cap.unwrap_or(2.0) - f32::EPSILON / 2.0).to_bits(),
        ),
        (asma_update::LEAP, leap.to_bits()),
        (asma_update::PULL, StepSize::PULL.to_bits()),
        (asma_update::FLOOR, floor.to_bits()),
        (
            asma_update::REFINING_LIMIT,
            match config.refine {
                Refinement::Iterations(limit) => limit,
                Refinement::Off | Refinement::On => 0,
            },
        ),
        (asma_update::STOP_IOU, config.stop_iou.unwrap_or(2.0).to_bits()),
        (asma_update::PATIENCE, config.patience.unwrap_or(0)),
    ]
}

/// The words of a state that forget which image was best and what was reached, each with what it holds: what is wanted has
/// changed.
pub(in crate::attack) fn forgetting() -> [(usize, u32); 5] {
    [
        (asma_update::STATE_BEST_IOU, (-1.0f32).to_bits()),
        (asma_update::STATE_SCALE, 1.0f32.to_bits()),
        (asma_update::STATE_REACHED, 0),
        (asma_update::STATE_RISE_IOU, 0),
        (asma_update::STATE_RISE, u32::MAX),
    ]
}

/// The words of a state that let an attack go on that may have stopped, each with what it holds: its patience counts from the
/// next iteration on.
pub(in crate::attack) fn going_on() -> [(usize, u32); 2] {
    [
        (asma_update::STATE_STOPPED, asma_update::RUNNING),
        (asma_update::STATE_PROGRESS, u32::MAX),
    ]
}

/// The words of a sample's ledger, of either parity, in which an iteration of two forward passes finds that the one before it
/// clipped a value of the image.
pub(in crate::attack) fn clipped_words(image: Extent) -> [usize; 2] {
    [0, 1].map(|parity| asma_update::HEADER + parity * 2 * image_groups(image) as usize)
}

/// Whether every pixel that the target wants of an attacked class is predicted so.
fn is_reached(prediction: &LabelMap, target: &LabelMap, attacked: &[u8]) -> bool {
    let pixels = target.labels().iter().zip(prediction.labels());
    pixels
        .filter(|(wanted, _)| **wanted != IGNORE && attacked.contains(wanted))
        .all(|(wanted, predicted)| wanted == predicted)
}
