//! The settings of a training run.

use serde::{Deserialize, Serialize};

use super::augment::Augmentation;
use crate::error::{Error, Result};

/// How a network is trained. Two runs with the same settings, samples and first weights give the same weights
/// to the bit on one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingConfig {
    /// How many times all samples are gone through; at least 1.
    pub epochs: u32,
    /// Samples in one step; at least 1. Samples that are left over at the end of an epoch are not used in it.
    pub batch: usize,
    /// The highest learning rate; above 0.
    pub learning_rate: f64,
    /// Steps over which the learning rate rises to it, evenly from 0.
    pub warm_up: u32,
    /// Adam's decay of the first and second moment; from 0 up to, but not, 1.
    pub beta: [f64; 2],
    /// Adam's ε; above 0.
    pub epsilon: f64,
    /// Decoupled weight decay, as a part of the learning rate; 0: none.
    pub weight_decay: f64,
    /// The norm that the gradient of all parameters together is clipped to; 0: it is not.
    pub most_norm: f64,
    /// What is minimised.
    pub loss: LossConfig,
    /// How samples are varied.
    pub augmentation: Augmentation,
    /// What all random choices follow from.
    pub seed: u64,
}

/// The loss `cross_entropy · CE + dice · (1 − mean Dice of the foreground classes)`, of a batch as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossConfig {
    /// Factor of the softmax cross-entropy.
    pub cross_entropy: f32,
    /// Factor of the soft Dice loss.
    pub dice: f32,
    /// Added to numerator and denominator of the Dice coefficient, in pixels; 1e-6 to 1e6.
    pub smoothing: f32,
    /// Weight of each class in the cross-entropy; empty: 1 for all.
    pub class_weights: Vec<f32>,
}

impl Default for LossConfig {
    fn default() -> Self {
        LossConfig {
            cross_entropy: 1.0,
            dice: 1.0,
            smoothing: 1.0,
            class_weights: Vec::new(),
        }
    }
}

impl Default for TrainingConfig {
    fn default() -> Self {
        TrainingConfig {
            epochs: 20,
            batch: 8,
            learning_rate: 3e-3,
            warm_up: 100,
            beta: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay: 1e-2,
            most_norm: 1.0,
            loss: LossConfig::default(),
            augmentation: Augmentation::standard(),
            seed: 0,
        }
    }
}

impl TrainingConfig {
    /// Checks the settings for a network of `classes` classes.
    ///
    /// # Errors
    /// [`Error::Usage`] with the first setting that cannot be.
    pub fn check(&self, classes: usize) -> Result<()> {
        let at_least_one = [("epochs", self.epochs as usize), ("batch", self.batch)];
        for (name, value) in at_least_one {
            if value == 0 {
                return Err(Error::Usage(format!("{name} is 0; want at least 1")));
            }
        }
        for (name, value) in [("learning rate", self.learning_rate), ("epsilon", self.epsilon)] {
            // As the kernels have it.
            if !((value as f32).is_normal() && value > 0.0) {
                return Err(Error::Usage(format!(
                    "the {name} is {value}; want a number above 0"
                )));
            }
        }
        for (name, value) in [
            ("weight decay", self.weight_decay),
            ("largest gradient norm", self.most_norm),
            ("factor of the cross-entropy", self.loss.cross_entropy.into()),
            ("factor of the Dice loss", self.loss.dice.into()),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::Usage(format!(
                    "the {name} is {value}; want a number of at least 0"
                )));
            }
        }
        // Far below this, the square of an absent class's denominator is no float any more.
        if !(1e-6..=1e6).contains(&self.loss.smoothing) {
            return Err(Error::Usage(format!(
                "the smoothing of the Dice loss is {}; want 1e-6 to 1e6 pixels",
                self.loss.smoothing
            )));
        }
        if self.loss.cross_entropy + self.loss.dice == 0.0 {
            return Err(Error::Usage(
                "cross-entropy and Dice loss both have the factor 0, so there is nothing to minimise; give one \
                 of them a factor above 0"
                    .into(),
            ));
        }
        if let Some(beta) = self.beta.iter().find(|beta| !(0.0..1.0).contains(*beta)) {
            return Err(Error::Usage(format!(
                "a decay of Adam's moments is {beta}; want at least 0 and less than 1"
            )));
        }
        if self.most_norm != 0.0 && !(self.most_norm as f32).is_normal() {
            return Err(Error::Usage(format!(
                "the largest gradient norm is {:?}; want 0 or a number that a 32-bit float can be",
                self.most_norm
            )));
        }
        let weights = &self.loss.class_weights;
        if !weights.is_empty() && self.loss.dice == 0.0 && weights.iter().all(|&weight| weight == 0.0) {
            return Err(Error::Usage(
                "all class weights are 0, so there is nothing to minimise; give one above 0".into(),
            ));
        }
        if !weights.is_empty() && weights.len() != classes {
            return Err(Error::Usage(format!(
                "{} class weights were given, and the network has {classes} classes; give one for each",
                weights.len()
            )));
        }
        if let Some(weight) = weights
            .iter()
            .find(|weight| !(weight.is_finite() && **weight >= 0.0))
        {
            return Err(Error::Usage(format!(
                "a class weight is {weight}; want numbers of at least 0"
            )));
        }
        self.augmentation.check()
    }

    /// The learning rate of step `step`, counted from 0, of `steps` in all: it rises evenly from 0 during the
    /// warm-up and then falls along half a cosine towards 0 (Loshchilov and Hutter 2017, without restarts).
    pub fn learning_rate_at(&self, step: u32, steps: u32) -> f64 {
        let warm_up = self.warm_up.min(steps / 2);
        if step < warm_up {
            return self.learning_rate * f64::from(step + 1) / f64::from(warm_up);
        }
        let done = f64::from(step - warm_up) / f64::from((steps - warm_up).max(1));
        self.learning_rate * 0.5 * (1.0 + libm::cos(std::f64::consts::PI * done))
    }
}
