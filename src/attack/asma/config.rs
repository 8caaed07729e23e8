//! What ASMA can be told.

use super::refinement::Refinement;
use crate::attack::choices::choices;
use crate::error::{Error, Result};
use crate::network::Precision;

choices! {
    /// When the network is run.
    Schedule, "schedule" {
        /// Once an iteration: IoU and statistics of the clipped `Xₙ`, from the forward pass that the gradient
        /// needs anyway.
        OneForward = "one-forward",
        /// The authors' published loop: a second forward pass on the unclipped `Xₙ + Pₙ` gives the IoU of the
        /// next multiplier and all statistics; the clip comes after. Where the clip changes nothing, that pass is
        /// also the next iteration's first, which the device then leaves out.
        TwoForward = "two-forward",
    }
}

choices! {
    /// Which pixels drive the attack.
    MaskMode, "mask" {
        /// Those whose prediction is not yet the target.
        Adaptive = "adaptive",
        /// All.
        Static = "static",
    }
}

choices! {
    /// What is raised at a pixel that the mask picks.
    Objective, "objective" {
        /// The wanted class's logit, as the paper has it. On a network whose logits can all rise together this
        /// may spend its steps on that, and stall.
        Logit = "logit",
        /// The wanted class's logit less the largest other one (the margin of Carlini and Wagner, 2017, f₆),
        /// which is above 0 where the prediction is the target.
        Margin = "margin",
    }
}

choices! {
    /// How the step's multiplier goes on.
    Multiplier, "multiplier" {
        /// `αₙ = β · IoU + τ`.
        Dynamic = "dynamic",
        /// `αₙ = τ`.
        Static = "static",
    }
}

/// The scale of the steps.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepSize {
    /// These.
    Fixed {
        /// The multiplier at an IoU of 0.
        tau: f32,
        /// What an IoU of 1 adds to it.
        beta: f32,
    },
    /// From the first gradient `∇₀`, such that networks of any scale of logits, and images of any size, need
    /// some tens to hundreds of iterations: β = 10 τ, and the multiplier that the second step has, `τ + β · IoU₀`, times
    /// `∇₀` changes the values that may change by [`StepSize::FIRST_STEP`], as a root mean square. In the one-forward
    /// schedule the device then holds the step, for each sample by itself: one that overshot is taken back and those after it
    /// are half as long, and they grow while the IoU rises little, see [`asma_update`](crate::kernels::asma_update).
    Automatic,
}

impl StepSize {
    /// Root mean square of the first step where τ is chosen automatically, in units of the pixel values: an eighth
    /// of a step of an 8-bit image.
    pub const FIRST_STEP: f64 = 1.0 / 2000.0;

    /// The least IoU that the second step is taken to have: where the first prediction and the target have nothing in
    /// common, the multiplier still grows to many times τ.
    pub const LEAST_IOU: f64 = 0.3;

    /// How many times the length of the first step L2 may grow by in one, where the device holds the step.
    pub const LEAP: f64 = 1.5;

    /// The share of the perturbation that a held step gives up, or less where it had to grow, see
    /// [`asma_update`](crate::kernels::asma_update). What early steps did that later ones do not ask for again
    /// fades away.
    pub const PULL: f32 = 0.005;

    /// The root mean square of a perturbation that is small enough, in units of the pixel values: seven tenths of a step of
    /// an 8-bit image. One that is smaller seldom survives being rounded as it is.
    pub const FLOOR: f64 = 0.7 / 255.0;
}

/// The attack's settings.
///
/// The default gets through on networks of any scale and keeps the perturbation small: the margin, steps sized by the
/// first gradient and held, no value further than 0.1 from the source. [`AsmaConfig::published`] is what the authors
/// published.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct AsmaConfig {
    /// When the network is run.
    pub schedule: Schedule,
    /// Which pixels drive the attack.
    pub mask: MaskMode,
    /// What is raised there.
    pub objective: Objective,
    /// How the multiplier goes on.
    pub multiplier: Multiplier,
    /// τ and β.
    pub step: StepSize,
    /// λ, the weight of `‖X − Xₙ‖²`.
    pub lambda: f32,
    /// The most that any value may differ from the source's, in units of the pixel values.
    pub cap: Option<f32>,
    /// How the perturbation is refined once the IoU asked for is reached, where the device holds the step.
    pub refine: Refinement,
    /// The attacked classes; all of the network's if `None`.
    pub classes: Option<Vec<u8>>,
    /// Most iterations.
    pub iterations: u32,
    /// Stop when the IoU reaches this, between 0 and 1, and what follows is refined if it is to be.
    pub stop_iou: Option<f32>,
    /// Stop after this many iterations without a new best IoU.
    pub patience: Option<u32>,
    /// How the network's values are stored; image, logits and gradient are float32.
    #[serde(skip)]
    pub precision: Precision,
}

impl Default for AsmaConfig {
    fn default() -> Self {
        AsmaConfig {
            schedule: Schedule::OneForward,
            mask: MaskMode::Adaptive,
            objective: Objective::Margin,
            multiplier: Multiplier::Dynamic,
            step: StepSize::Automatic,
            lambda: 1.0,
            cap: Some(AsmaConfig::CAP),
            refine: Refinement::On,
            classes: None,
            iterations: 500,
            stop_iou: None,
            patience: None,
            precision: Precision::F32,
        }
    }
}

impl AsmaConfig {
    /// The default's cap.
    pub const CAP: f32 = 0.1;

    /// What the authors published: their loop with two forward passes, the wanted class's logit, τ = 1e-7, β = 1e-6,
    /// λ = 1, no cap, nothing refined.
    pub fn published() -> Self {
        AsmaConfig {
            schedule: Schedule::TwoForward,
            objective: Objective::Logit,
            step: StepSize::Fixed {
                tau: 1e-7,
                beta: 1e-6,
            },
            cap: None,
            refine: Refinement::Off,
            ..AsmaConfig::default()
        }
    }

    /// Whether the device holds the step, see [`StepSize::Automatic`].
    pub fn holds(&self) -> bool {
        self.step == StepSize::Automatic && self.schedule == Schedule::OneForward
    }

    /// Whether there is something to refine: an IoU to keep, and a held step.
    pub fn refines(&self) -> bool {
        self.refine != Refinement::Off && self.holds() && self.stop_iou.is_some()
    }

    /// The attacked classes of a network with `class_count` classes, each once, in order.
    pub fn attacked(&self, class_count: usize) -> Vec<u8> {
        match &self.classes {
            Some(classes) => {
                let mut classes = classes.clone();
                classes.sort_unstable();
                classes.dedup();
                classes
            }
            None => (0..class_count).map(|class| class as u8).collect(),
        }
    }

    /// Checks the settings for a network with `class_count` classes.
    ///
    /// # Errors
    /// [`Error::Usage`] with the first setting that cannot be, what was found and what is wanted.
    pub fn check(&self, class_count: usize) -> Result<()> {
        let usage = |problem: String| Err(Error::Usage(problem));
        if let StepSize::Fixed { tau, beta } = self.step {
            if !(tau.is_finite() && tau > 0.0) {
                return usage(format!("tau is {tau}; want a number above 0, such as 1e-7"));
            }
            if !(beta.is_finite() && beta >= 0.0) {
                return usage(format!("beta is {beta}; want 0 or more, such as 1e-6"));
            }
        }
        if !(self.lambda.is_finite() && self.lambda >= 0.0) {
            return usage(format!("lambda is {}; want 0 or more, such as 1", self.lambda));
        }
        if let Some(cap) = self.cap
            && !(cap > 0.0 && cap <= 1.0)
        {
            return usage(format!(
                "the cap is {cap}; want more than 0 and at most 1, such as 0.1"
            ));
        }
        if self.iterations == 0 {
            return usage("0 iterations; want at least 1".into());
        }
        if let Some(iou) = self.stop_iou
            && !(iou > 0.0 && iou <= 1.0)
        {
            return usage(format!(
                "the IoU to stop at is {iou}; want more than 0 and at most 1, such as 0.95"
            ));
        }
        if self.patience == Some(0) {
            return usage("a patience of 0 iterations; want at least 1".into());
        }
        if self.refine == Refinement::Iterations(0) {
            return usage("a refinement of 0 iterations; want at least 1, or none at all".into());
        }
        if !(2..=255).contains(&class_count) {
            return usage(format!("the network has {class_count} classes; want 2 to 255"));
        }
        if let Some(classes) = &self.classes {
            if classes.is_empty() {
                return usage("no class is attacked; name at least one".into());
            }
            if let Some(class) = classes.iter().find(|&&class| class as usize >= class_count) {
                return usage(format!(
                    "class {class} is out of range; the network has classes 0 to {}",
                    class_count - 1
                ));
            }
        }
        Ok(())
    }
}
