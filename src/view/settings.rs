//! The settings that a window has sliders for.

use crate::attack::{AsmaConfig, MaskMode, Multiplier, Objective, Refinement, Step};

/// Settings of ASMA, as sliders and switches have them.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What is raised.
    pub objective: Objective,
    /// Which pixels drive the attack.
    pub mask: MaskMode,
    /// How the multiplier goes on.
    pub multiplier: Multiplier,
    /// What the steps that are chosen by the first gradient are multiplied by.
    pub step_factor: f32,
    /// The most that a value may differ from the source's; 1 for as much as it likes.
    pub cap: f32,
    /// The IoU at which to stop; above 1 for never.
    pub stop_iou: f32,
    /// Whether the perturbation is refined then.
    pub refines: bool,
    /// λ, which takes effect as the attack begins anew.
    pub lambda: f32,
    /// Most iterations.
    pub iterations: u32,
}

impl Settings {
    /// Those of a configuration.
    pub fn of(config: &AsmaConfig) -> Settings {
        Settings {
            objective: config.objective,
            mask: config.mask,
            multiplier: config.multiplier,
            step_factor: 1.0,
            cap: config.cap.unwrap_or(1.0),
            stop_iou: config.stop_iou.unwrap_or(Self::NEVER),
            refines: config.refine != Refinement::Off,
            lambda: config.lambda,
            iterations: config.iterations,
        }
    }

    /// An IoU at which no attack stops.
    pub const NEVER: f32 = 1.001;

    /// The configuration with these settings in place of its own.
    pub fn config(&self, planned: &AsmaConfig) -> AsmaConfig {
        AsmaConfig {
            objective: self.objective,
            mask: self.mask,
            multiplier: self.multiplier,
            cap: (self.cap < 1.0).then_some(self.cap),
            stop_iou: (self.stop_iou <= 1.0).then_some(self.stop_iou),
            refine: match (self.refines, planned.refine) {
                (false, _) => Refinement::Off,
                (true, Refinement::Off) => Refinement::On,
                (true, planned) => planned,
            },
            lambda: self.lambda,
            iterations: self.iterations,
            ..planned.clone()
        }
    }

    /// Steps that many times as large.
    pub fn step(&self, first: Step) -> Step {
        Step {
            tau: first.tau * self.step_factor,
            beta: first.beta * self.step_factor,
            leap: first.leap * self.step_factor,
            ..first
        }
    }
}
