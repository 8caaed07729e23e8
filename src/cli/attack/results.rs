//! What an attack left: written and printed.

use std::path::Path;

use asma::attack::{AsmaConfig, Attack, Objective, Outcome, Snapshot, StepSize, assess};
use asma::checkpoint::{Checkpoint, WeightTensor};
use asma::data::{write_image, write_rgb_image};
use asma::program::Executor;
use asma::report::{
    Animation, AnimationFrame, Figure, Moment, Summary, colour_labels, draw_figure, perturbation_picture,
    write_animation, write_summary, write_trace,
};
use asma::{Error, LabelMap, Result, Scores, Tensor};

use super::judged::{Judged, predict};
use super::request::Request;
use crate::cli::console::{print, say, tell};
use crate::cli::outputs::OutputFolder;

/// Everything there is to say about the attack.
pub fn summary(
    request: &Request<'_>,
    attack: &Attack,
    executor: &dyn Executor,
    family: String,
    outcome: &Outcome,
    judged: &Judged,
    seconds: f64,
) -> Summary {
    let config = &AsmaConfig {
        precision: attack.config().precision(),
        ..request.config.clone()
    };
    let (input, output) = (attack.adversarial().shape, attack.logits().shape);
    Summary {
        asma_version: env!("CARGO_PKG_VERSION").into(),
        image: request.image.display().to_string(),
        target: request.target.to_string(),
        weights: request.network.weights.display().to_string(),
        network: family,
        device: executor.describe(),
        precision: config.precision.to_string(),
        preset: request.preparation.preset.map(|preset| preset.to_string()),
        preparation: request.preparation.preparation().to_string(),
        input_size: [input.h, input.w],
        output_size: [output.h, output.w],
        classes: config.attacked(attack.class_count()),
        schedule: config.schedule.to_string(),
        mask: config.mask.to_string(),
        objective: config.objective.to_string(),
        multiplier: config.multiplier.to_string(),
        tau: outcome.step.map_or(0.0, |step| step.tau),
        beta: outcome.step.map_or(0.0, |step| step.beta),
        automatic: config.step == StepSize::Automatic,
        lambda: config.lambda,
        cap: config.cap,
        iteration_limit: config.iterations,
        stop_iou: config.stop_iou,
        refine: config.refines(),
        reached: outcome.reached,
        patience: config.patience,
        region: request.region.map(|path| path.display().to_string()),
        iterations: outcome.trace.len() as u32,
        saved: judged.saved_name.into(),
        best_iteration: judged.best_iteration,
        stop_reason: outcome.stop.to_string(),
        results: judged.results,
        likeness: Some(judged.likeness.clone()),
        seconds,
    }
}

/// An attack with all that went in and came out.
pub struct Attacked {
    pub source: Tensor,
    pub target: LabelMap,
    /// The prediction for the source image.
    pub before: LabelMap,
    pub outcome: Outcome,
    pub judged: Judged,
    /// What the animation shows before the saved image; empty if there is none.
    pub frames: Vec<AnimationFrame>,
}

/// The files of an attack, that which says what they are of first.
pub const FILES: [&str; 9] = [
    "summary.json",
    "adversarial.png",
    "adversarial.safetensors",
    "prediction_before.png",
    "prediction_after.png",
    "perturbation.png",
    "figure.png",
    "animation.gif",
    "trace.csv",
];

/// Writes all the files, the animation if it is wanted, after those of an earlier attack are gone; the summary last,
/// so that where it stands all the rest does.
pub fn write_results(out: &OutputFolder, attacked: &Attacked, summary: &Summary, gif: bool) -> Result<()> {
    let Attacked {
        source,
        target,
        before,
        outcome,
        judged,
        ..
    } = attacked;
    out.clear(&FILES)?;
    write_image(out.join("adversarial.png"), &judged.written)?;
    let shape = judged.saved.shape();
    let exact = WeightTensor::new(vec![shape.c, shape.h, shape.w], judged.saved.data().to_vec())?;
    let metadata = [
        ("source", summary.image.as_str()),
        ("target", summary.target.as_str()),
    ];
    Checkpoint::from_tensors([("adversarial", exact)], metadata)?
        .save(out.join("adversarial.safetensors"))?;
    write_rgb_image(out.join("prediction_before.png"), &colour_labels(before)?)?;
    write_rgb_image(out.join("prediction_after.png"), &colour_labels(&judged.after)?)?;
    write_image(
        out.join("perturbation.png"),
        &perturbation_picture(source, &judged.saved)?,
    )?;
    let figure = draw_figure(&Figure {
        image_name: file_name(&summary.image),
        target_name: file_name(&summary.target),
        subtitle: format!(
            "{} · {} · {} iterations, {} · {}",
            summary.network, summary.schedule, summary.iterations, summary.stop_reason, summary.device
        ),
        source: source.clone(),
        source_prediction: before.clone(),
        target: target.clone(),
        mask_name: mask_name(summary),
        moments: moments(&outcome.snapshots, target, summary)?,
        adversarial: judged.saved.clone(),
        adversarial_prediction: judged.after.clone(),
        scores: judged.saved_scores(),
        scores_of: format!(
            "{} iterate; as 8 bits IoU {:.1} %",
            judged.saved_name,
            100.0 * judged.results.rounded_to_8_bits.iou
        ),
        trace: outcome.trace.clone(),
    })?;
    write_rgb_image(out.join("figure.png"), &figure)?;
    if gif {
        write_animation(out.join("animation.gif"), &animation(attacked, summary)?)?;
    }
    write_trace(out.join("trace.csv"), &outcome.trace)?;
    write_summary(out.join("summary.json"), summary)
}

fn file_name(path: &str) -> String {
    match Path::new(path).file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => path.to_string(),
    }
}

fn mask_name(summary: &Summary) -> String {
    format!("{} mask", capitalised(&summary.mask))
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// The masks nearest to the beginning, a third, two thirds and the end of the attack.
fn moments(snapshots: &[Snapshot], target: &LabelMap, summary: &Summary) -> Result<Vec<Moment>> {
    let Some(end) = snapshots.last() else {
        return Ok(Vec::new());
    };
    let mut chosen: Vec<&Snapshot> = (0..4)
        .filter_map(|quarter| {
            let wanted = end.iteration as i64 * quarter / 3;
            snapshots
                .iter()
                .min_by_key(|snapshot| (snapshot.iteration as i64 - wanted).abs())
        })
        .collect();
    chosen.dedup_by_key(|snapshot| snapshot.iteration);
    chosen
        .into_iter()
        .map(|snapshot| {
            Ok(Moment {
                iteration: snapshot.iteration,
                mask: mask_of(target, &snapshot.prediction, summary)?,
            })
        })
        .collect()
}

/// Each pixel that drives the attack at a prediction, with the class that it drives towards.
fn mask_of(target: &LabelMap, prediction: &LabelMap, summary: &Summary) -> Result<LabelMap> {
    let mask = match summary.mask.as_str() {
        "static" => target.clone(),
        _ => LabelMap::adaptive_mask(target, prediction)?,
    };
    Ok(mask.only(&summary.classes))
}

/// All moments whose image was kept. The images are those after a step, and the predictions along the way are
/// of what was there before it or, in the two-forward schedule, before the clip; so each image is predicted anew.
pub fn frames(
    attack: &Attack,
    executor: &mut dyn Executor,
    source: &Tensor,
    target: &LabelMap,
    snapshots: &[Snapshot],
    summary: &Summary,
) -> Result<Vec<AnimationFrame>> {
    let kept = snapshots
        .iter()
        .filter_map(|snapshot| Some((snapshot.iteration, snapshot.image.as_ref()?)));
    kept.map(|(iteration, image)| {
        let prediction = predict(attack, executor, image)?;
        let scores = assess(source, image, target, &prediction, &attack.scored_classes())?;
        let name = format!("After iteration {iteration}");
        frame(name, target, prediction, image, &scores, summary)
    })
    .collect()
}

fn frame(
    name: String,
    target: &LabelMap,
    prediction: LabelMap,
    image: &Tensor,
    scores: &Scores,
    summary: &Summary,
) -> Result<AnimationFrame> {
    Ok(AnimationFrame {
        name,
        mask: mask_of(target, &prediction, summary)?,
        prediction,
        image: image.clone(),
        iou: scores.iou,
        l2: scores.l2,
    })
}

/// The frames along the way, and the image that is saved.
fn animation(attacked: &Attacked, summary: &Summary) -> Result<Animation> {
    let judged = &attacked.judged;
    let name = format!("Saved: the {} iterate", judged.saved_name);
    let mut frames = attacked.frames.clone();
    frames.push(frame(
        name,
        &attacked.target,
        judged.after.clone(),
        &judged.saved,
        &judged.saved_scores(),
        summary,
    )?);
    Ok(Animation {
        mask_name: mask_name(summary),
        frames,
    })
}

/// Prints the summary for machines.
pub fn print_json(summary: &Summary) -> Result<()> {
    print(&serde_json::to_string_pretty(summary).map_err(|error| Error::file("standard output", error))?)
}

/// Prints the summary in a few lines.
pub fn print_summary(summary: &Summary, out: &Path) {
    let line = |name: &str, scores: &Scores| {
        tell(format_args!(
            "  {name:<22} IoU {:.4}   pixel accuracy {:.4}   L2 {:7.4}   L∞ {:.4}",
            scores.iou, scores.pixel_accuracy, scores.l2, scores.linf
        ));
    };
    tell(format_args!(
        "{} after {} iterations ({}{}), {:.1} s; tau {:.3e}, beta {:.3e}{}",
        summary.network,
        summary.iterations,
        summary.stop_reason,
        summary
            .reached
            .filter(|&reached| reached < summary.iterations)
            .map_or(String::new(), |reached| format!(" after {reached}, then refined")),
        summary.seconds,
        summary.tau,
        summary.beta,
        if summary.automatic {
            ", chosen from the first gradient"
        } else {
            ""
        }
    ));
    line("before", &summary.results.before);
    line("last iterate", &summary.results.last);
    line(
        &format!("best (iteration {})", summary.best_iteration),
        &summary.results.best,
    );
    line("saved, 8 bits", &summary.results.rounded_to_8_bits);
    tell_likeness(summary);
    tell(format_args!(
        "  the {} iterate is saved in {}",
        summary.saved,
        out.display()
    ));
}

/// Tells how far the saved image can be told from the source.
pub fn tell_likeness(summary: &Summary) {
    let Some(likeness) = &summary.likeness else {
        return;
    };
    let psnr = likeness
        .psnr
        .map_or("none".into(), |psnr| format!("{psnr:.1} dB"));
    tell(format_args!(
        "  source and saved       L∞ {:.4}   PSNR {psnr}   SSIM {:.4}: {}",
        likeness.linf, likeness.ssim, likeness.in_words
    ));
}

/// Attacks that end below this IoU are told what else to try.
const STALLED: f32 = 0.9;

/// Says on stderr what the numbers say too, but is easily overlooked.
pub fn warn(summary: &Summary) {
    let results = &summary.results;
    let retry = match summary.automatic {
        true => "try more --iterations or a larger --cap",
        false => "try --tau auto, a larger --tau or more --iterations",
    };
    if results.rounded_to_8_bits.l2 == 0.0 {
        say(format_args!(
            "note: rounded to 8 bits the saved image equals the source; {retry}"
        ));
    } else if results.rounded_to_8_bits.iou <= results.before.iou {
        say(format_args!(
            "note: rounded to 8 bits the saved image comes no nearer to the target; {retry}"
        ));
    }
    if results.best.iou < STALLED && summary.objective == Objective::Logit.to_string() {
        say(format_args!(
            "note: the best IoU is {:.3}; networks whose logits rise together need --objective margin",
            results.best.iou
        ));
    }
}
