//! What an attack for the smallest perturbation can be told.

use crate::attack::Purpose;
use crate::error::{Error, Result};
use crate::kernels::alma_constraints;
use crate::network::Precision;

/// How pixels that are not yet as the attack wants them are weighed against the perturbation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// By an augmented Lagrangian (Rony, Pesquet and Ben Ayed, *Proximal Splitting Adversarial Attacks for Semantic
    /// Segmentation*, 2023).
    AlmaProx,
    /// By dual weights (Matyasko and Chau, *PDPGD: Primal-Dual Proximal Gradient Descent Adversarial Attack*, 2021).
    Pdpgd,
}

/// The settings of an attack for the smallest perturbation. An image is a success where 99 % of the counted pixels are as
/// the attack wants them; of those the one with the least L∞ comes out, and before there is one that with most such
/// pixels.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct MinimalConfig {
    /// How.
    pub method: Method,
    /// What it is after.
    pub purpose: Purpose,
    /// Steps. One more iteration looks at where the last one led.
    pub steps: u32,
    /// The length of the first step, in units of the pixel values: λ of ALMA-prox, Adam's rate of PDPGD.
    pub learning_rate: f32,
    /// As the published code does it where that is wrong: of ALMA-prox the derivative of the penalty, see
    /// [`alma_seed`](crate::kernels::alma_seed).
    pub published: bool,
    /// How the network's values are stored; image, logits and gradient are float32.
    #[serde(skip)]
    pub precision: Precision,
}

impl Method {
    /// The name that the attack goes by.
    pub fn name(self) -> &'static str {
        match self {
            Method::AlmaProx => "alma-prox",
            Method::Pdpgd => "pdpgd",
        }
    }
}

impl MinimalConfig {
    /// What the authors chose: 500 steps, of ALMA-prox λ = 0.001; of PDPGD a rate of 0.01, which those who compare attacks take
    /// (adv_lib's own default is 0.1).
    pub fn new(method: Method) -> MinimalConfig {
        MinimalConfig {
            method,
            purpose: Purpose::Targeted,
            steps: 500,
            learning_rate: match method {
                Method::AlmaProx => 1e-3,
                Method::Pdpgd => 1e-2,
            },
            published: false,
            precision: Precision::F32,
        }
    }

    /// Iterations: the steps, and one that looks at where the last one led.
    pub fn iterations(&self) -> u32 {
        self.steps.saturating_add(1)
    }

    /// Whether constraints are plain differences of logits, as there are too few classes for ratios of them.
    fn plain_differences(&self, channels: usize) -> bool {
        let targeted = self.purpose == Purpose::Targeted;
        self.method == Method::AlmaProx && !alma_constraints::has_spread(channels, targeted)
    }

    /// What is not as published, or likely not meant, in one line each, for a network with so many channels of logits.
    pub fn notes(&self, channels: usize) -> Vec<String> {
        let mut notes = Vec::new();
        if self.plain_differences(channels) {
            notes.push(format!(
                "{channels} channels of logits are too few for ratios of them; alma-prox takes plain differences"
            ));
        }
        notes
    }

    /// Checks the settings for a network with `class_count` classes.
    ///
    /// # Errors
    /// [`Error::Usage`] with the first setting that cannot be, what was found and what is wanted.
    pub fn check(&self, class_count: usize) -> Result<()> {
        let usage = |problem: String| Err(Error::Usage(problem));
        if !(1..=MOST_STEPS).contains(&self.steps) {
            return usage(format!("{} steps; want 1 to {MOST_STEPS}", self.steps));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 1.0) {
            return usage(format!(
                "the length of the first step is {}; want more than 0 and at most 1, such as {}",
                self.learning_rate,
                MinimalConfig::new(self.method).learning_rate
            ));
        }
        if self.published && self.method != Method::AlmaProx {
            return usage(format!(
                "`published` is of alma-prox alone; leave it out with {}",
                self.method.name()
            ));
        }
        if !(2..=255).contains(&class_count) {
            return usage(format!("the network has {class_count} classes; want 2 to 255"));
        }
        Ok(())
    }
}

/// Most steps of an attack.
pub const MOST_STEPS: u32 = 1 << 20;
