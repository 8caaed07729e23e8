//! Everything there is to say about an attack, and what of it is easily overlooked.

use super::attacked::Attacked;
use crate::attack::{Attack, Objective, StepSize};
use crate::data::{Preparation, Preset};
use crate::program::Executor;
use crate::report::Summary;

/// What an attack does not know of where its inputs came from.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The source image's file, or what it is called.
    pub image: String,
    /// The target, as the command line takes it, or what it is called.
    pub target: String,
    /// The weights' file, or what the network is called.
    pub weights: String,
    /// The network in words.
    pub network: String,
    /// The preset that the steps are from, if they are from one.
    pub preset: Option<Preset>,
    /// The steps from the image to the network's input.
    pub preparation: Preparation,
    /// The region's file, or what it is called, if there is one.
    pub region: Option<String>,
}

impl Attacked {
    /// Everything there is to say about what `attack` did on `executor`.
    pub fn summary(&self, attack: &Attack, executor: &dyn Executor, names: Names) -> Summary {
        let (config, outcome, judged) = (attack.config(), &self.outcome, &self.judged);
        let (input, output) = (attack.adversarial().shape, attack.logits().shape);
        Summary {
            asma_version: env!("CARGO_PKG_VERSION").into(),
            image: names.image,
            target: names.target,
            weights: names.weights,
            network: names.network,
            device: executor.describe(),
            precision: config.precision.to_string(),
            preset: names.preset.map(|preset| preset.to_string()),
            preparation: names.preparation.to_string(),
            input_size: [input.h, input.w],
            output_size: [output.h, output.w],
            classes: config.attacked(attack.class_count()),
            schedule: config.schedule.to_string(),
            mask: config.mask.to_string(),
            objective: config.objective.to_string(),
            multiplier: config.multiplier.to_string(),
            tau: outcome.tau,
            beta: outcome.beta,
            automatic: config.step == StepSize::Automatic,
            lambda: config.lambda,
            cap: config.cap,
            iteration_limit: config.iterations,
            stop_iou: config.stop_iou,
            refine: config.refines(),
            reached: outcome.reached,
            patience: config.patience,
            region: names.region,
            iterations: outcome.trace.len() as u32,
            saved: judged.which.to_string(),
            best_iteration: judged.best_iteration,
            stop_reason: outcome.stop.to_string(),
            results: judged.results,
            likeness: Some(judged.likeness.clone()),
            seconds: self.seconds,
        }
    }
}

/// Attacks that end below this IoU are told what else to try.
const STALLED: f32 = 0.9;

/// What the numbers of a summary say, but is easily overlooked, with what else to try, in one line each.
pub fn remarks(summary: &Summary) -> Vec<String> {
    let mut remarks = Vec::new();
    let results = &summary.results;
    let retry = match summary.automatic {
        true => "try more --iterations or a larger --cap",
        false => "try --tau auto, a larger --tau or more --iterations",
    };
    if results.rounded_to_8_bits.l2 == 0.0 {
        remarks.push(format!(
            "rounded to 8 bits the saved image equals the source; {retry}"
        ));
    } else if results.rounded_to_8_bits.iou <= results.before.iou {
        remarks.push(format!(
            "rounded to 8 bits the saved image comes no nearer to the target; {retry}"
        ));
    }
    if results.best.iou < STALLED && summary.objective == Objective::Logit.to_string() {
        remarks.push(format!(
            "the best IoU is {:.3}; networks whose logits rise together need --objective margin",
            results.best.iou
        ));
    }
    remarks
}
