//! Everything there is to say about an attack, and what of it is easily overlooked.

use super::attacked::Attacked;
use super::judged::Saved;
use crate::attack::budget::Norm;
use crate::attack::{Attack, AttackConfig, Objective, Purpose, Refinement, StepSize, StopReason};
use crate::data::{Original, Preparation, Preset};
use crate::program::Executor;
use crate::report::{AsmaSettings, AttackSettings, OtherSettings, Summary};
use crate::statistics::Scores;

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
    /// The image's file, if a changed image goes back into its format.
    pub original: Option<Original>,
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
            precision: config.precision().to_string(),
            preset: names.preset.map(|preset| preset.to_string()),
            preparation: names.preparation.to_string(),
            input_size: [input.h, input.w],
            output_size: [output.h, output.w],
            settings: self.settings(config),
            region: names.region,
            iterations: outcome.trace.len() as u32,
            saved: judged.which.to_string(),
            best_iteration: judged.best_iteration,
            stop_reason: outcome.stop.to_string(),
            results: judged.results,
            // Known once that file is made.
            own_format: None,
            likeness: Some(judged.likeness.clone()),
            seconds: self.seconds,
        }
    }
}

impl Attacked {
    fn settings(&self, config: &AttackConfig) -> AttackSettings {
        let outcome = &self.outcome;
        match config {
            AttackConfig::Asma(asma) => AttackSettings::Asma(AsmaSettings {
                classes: config.attacked(self.class_count),
                schedule: asma.schedule.to_string(),
                mask: asma.mask.to_string(),
                objective: asma.objective.to_string(),
                multiplier: asma.multiplier.to_string(),
                tau: outcome.step.map_or(0.0, |step| step.tau),
                beta: outcome.step.map_or(0.0, |step| step.beta),
                automatic: asma.step == StepSize::Automatic,
                lambda: asma.lambda,
                cap: asma.cap,
                iteration_limit: asma.iterations,
                stop_iou: asma.stop_iou,
                refine: asma.refines(),
                refining_limit: match asma.refine {
                    Refinement::Iterations(limit) => Some(limit),
                    Refinement::Off | Refinement::On => None,
                },
                reached: outcome.reached,
                patience: asma.patience,
            }),
            AttackConfig::Budget(_) | AttackConfig::Minimal(_) => {
                let judged = &self.judged;
                let accuracy = judged.saved_scores().pixel_accuracy;
                // As the device counted, by which it decided.
                let row = match judged.which {
                    Saved::Best => outcome.trace.get(judged.best_iteration as usize),
                    Saved::Last => None,
                };
                AttackSettings::Other(OtherSettings {
                    attack: config.name().into(),
                    purpose: match config.purpose() {
                        Purpose::Targeted => "targeted".into(),
                        Purpose::Untargeted => "untargeted".into(),
                    },
                    attack_settings: config.to_json(),
                    worst_of: Vec::new(),
                    success_rate: match (row.and_then(|row| row.success_rate), config.purpose()) {
                        (Some(rate), _) => rate,
                        (None, Purpose::Targeted) => accuracy,
                        (None, Purpose::Untargeted) => 1.0 - accuracy,
                    },
                })
            }
        }
    }
}

/// Attacks that end below this IoU are told what else to try.
const STALLED: f32 = 0.9;

/// What the numbers of a summary say, but is easily overlooked, with what else to try, in one line each.
pub fn remarks(summary: &Summary) -> Vec<String> {
    let mut remarks = Vec::new();
    let results = &summary.results;
    let (rounded, before) = (&results.rounded_to_8_bits, &results.before);
    let (no_nearer, retry) = match &summary.settings {
        AttackSettings::Asma(asma) if asma.automatic => (
            rounded.iou <= before.iou,
            "try more `iterations` or a larger `cap`",
        ),
        AttackSettings::Asma(_) => (
            rounded.iou <= before.iou,
            "try `tau=auto`, a larger `tau` or more `iterations`",
        ),
        AttackSettings::Other(other) => (
            match summary.is_untargeted() {
                true => rounded.pixel_accuracy >= before.pixel_accuracy,
                false => rounded.pixel_accuracy <= before.pixel_accuracy,
            },
            match ["learning_rate", "eps"].map(|name| other.attack_settings.get(name)) {
                [Some(_), _] => "try more `steps` or a larger `lr`",
                [None, Some(_)] => "try a larger `eps` or more `steps`",
                [None, None] => "try a larger `alpha` or more `steps`",
            },
        ),
    };
    let reached = [StopReason::IouReached, StopReason::GoalReached].map(|reason| reason.to_string());
    if results.best.l2 == 0.0 && summary.best_iteration == 0 && reached.contains(&summary.stop_reason) {
        remarks.push("what was asked for is so with the source as it is, so nothing was changed".into());
    } else if rounded.l2 == 0.0 {
        remarks.push(format!(
            "rounded to 8 bits the saved image equals the source; {retry}"
        ));
    } else if no_nearer {
        let no_nearer = match summary.is_untargeted() {
            true => "leads no further from the label",
            false => "comes no nearer to the target",
        };
        remarks.push(format!("rounded to 8 bits the saved image {no_nearer}; {retry}"));
    }
    let stalls = |asma: &AsmaSettings| asma.objective == Objective::Logit.to_string();
    if results.best.iou < STALLED && summary.asma().is_some_and(stalls) {
        remarks.push(format!(
            "the best IoU is {:.3}; networks whose logits rise together need `objective=margin`",
            results.best.iou
        ));
    }
    remarks.extend(summary.other().and_then(|other| missed(other, &results.best)));
    remarks.extend(summary.other().and_then(|other| beyond(other, rounded)));
    remarks
}

/// That no budget got through, of an attack that was to find the least that does.
fn missed(other: &OtherSettings, best: &Scores) -> Option<String> {
    let setting = |place: &str| other.attack_settings.pointer(place);
    let goal = setting("/minimise/rate")?.as_f64()? as f32;
    let (reached, of) = match setting("/rate")?.as_str()? {
        "iou" => (best.iou, "an IoU"),
        _ => (other.success_rate, "a success rate"),
    };
    (reached < goal).then(|| {
        format!(
            "even the whole `eps` came to {of} of {reached:.3}, and {goal} was to be reached, so no least one was found; try a \
             larger `eps` or more `steps`"
        )
    })
}

/// That rounding took the saved image out of a budget of lengths, which a cap of every value does not hold.
fn beyond(other: &OtherSettings, rounded: &Scores) -> Option<String> {
    let setting = |name: &str| other.attack_settings.get(name);
    let eps = setting("eps")?.as_f64()? as f32;
    let is_length = setting("norm")?.as_str()? == Norm::L2.to_string();
    // A length that rounding changed by less than a hundredth is not worth a line.
    (is_length && other.attack != "dag" && rounded.l2 > 1.01 * eps).then(|| {
        format!(
            "rounded to 8 bits the saved image is {:.3} from the source, and `eps` is {eps}; the exact one is within it",
            rounded.l2
        )
    })
}
