//! What an attack left: judged, written, printed.

use std::path::Path;
use std::time::Instant;

use asma::attack::{Attack, Objective, Outcome, Snapshot, StepSize, assess, to_8_bits};
use asma::checkpoint::{Checkpoint, WeightTensor};
use asma::data::{round_to_8_bits, write_image, write_rgb_image};
use asma::program::Executor;
use asma::report::{
    Animation, AnimationFrame, Figure, Likeness, Moment, Results, Summary, colour_labels, draw_figure,
    perturbation_picture, write_animation, write_summary, write_trace,
};
use asma::{Error, LabelMap, Result, Scores, Tensor};

use super::perform::{Request, predict};
use crate::cli::print;

/// The images that the attack left, with what the network makes of them.
pub struct Judged {
    results: Results,
    /// The image that is saved: the last or the best, whichever has the higher IoU.
    saved: Tensor,
    /// The same as a file of 8 bits has it.
    written: Tensor,
    likeness: Likeness,
    saved_name: &'static str,
    /// After how many steps the best image stood.
    best_iteration: u32,
    /// The prediction for the saved image, as float.
    pub after: LabelMap,
}

impl Judged {
    /// Runs the network on the last and the best image, and on the saved one rounded to 8 bits.
    pub fn new(
        attack: &Attack,
        executor: &mut dyn Executor,
        source: &Tensor,
        target: &LabelMap,
        before: &LabelMap,
        outcome: &Outcome,
    ) -> Result<Judged> {
        let classes = attack.scored_classes();
        let mut judge = |image: &Tensor| -> Result<(LabelMap, Scores)> {
            let prediction = predict(attack, executor, image)?;
            let scores = assess(source, image, target, &prediction, &classes)?;
            Ok((prediction, scores))
        };
        let (last_prediction, last) = judge(&outcome.last)?;
        let (best_prediction, best) = if outcome.best == outcome.last {
            (last_prediction.clone(), last)
        } else {
            judge(&outcome.best)?
        };
        // The image after the last step has no row in the trace; it may be the best all the same.
        let (saved, saved_name, after, best, best_iteration) = if best.iou > last.iou {
            let iteration = outcome.best_iteration;
            (outcome.best.clone(), "best", best_prediction, best, iteration)
        } else {
            let iteration = outcome.trace.len() as u32;
            (outcome.last.clone(), "last", last_prediction, last, iteration)
        };
        let written = to_8_bits(source, &saved, attack.config().cap);
        let (_, rounded_to_8_bits) = judge(&written)?;
        let likeness = Likeness::new(&round_to_8_bits(source), &written)?;
        Ok(Judged {
            results: Results {
                before: assess(source, source, target, before, &classes)?,
                last,
                best,
                rounded_to_8_bits,
            },
            saved,
            written,
            likeness,
            saved_name,
            best_iteration,
            after,
        })
    }

    fn saved_scores(&self) -> Scores {
        match self.saved_name {
            "best" => self.results.best,
            _ => self.results.last,
        }
    }
}

/// Everything there is to say about the attack.
pub fn summary(
    request: &Request<'_>,
    attack: &Attack,
    executor: &dyn Executor,
    family: String,
    outcome: &Outcome,
    judged: &Judged,
    start: Instant,
) -> Summary {
    let config = attack.config();
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
        tau: outcome.tau,
        beta: outcome.beta,
        automatic: config.step == StepSize::Automatic,
        lambda: config.lambda,
        cap: config.cap,
        iteration_limit: config.iterations,
        stop_iou: config.stop_iou,
        patience: config.patience,
        region: request.region.map(|path| path.display().to_string()),
        iterations: outcome.trace.len() as u32,
        saved: judged.saved_name.into(),
        best_iteration: judged.best_iteration,
        stop_reason: outcome.stop.to_string(),
        results: judged.results,
        likeness: Some(judged.likeness.clone()),
        seconds: start.elapsed().as_secs_f64(),
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

/// Writes all the files, the animation if it is wanted; the summary last, so that where it stands all the rest
/// does.
pub fn write_results(out: &Path, attacked: &Attacked, summary: &Summary, gif: bool) -> Result<()> {
    let Attacked {
        source,
        target,
        before,
        outcome,
        judged,
        ..
    } = attacked;
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
        title: format!("{} → {}", file_name(&summary.image), file_name(&summary.target)),
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
pub fn print_summary(summary: &Summary, out: &Path) -> Result<()> {
    let line = |name: &str, scores: &Scores| -> Result<()> {
        print(&format!(
            "  {name:<22} IoU {:.4}   pixel accuracy {:.4}   L2 {:7.4}   L∞ {:.4}",
            scores.iou, scores.pixel_accuracy, scores.l2, scores.linf
        ))
    };
    print(&format!(
        "{} after {} iterations ({}), {:.1} s; tau {:.3e}, beta {:.3e}{}",
        summary.network,
        summary.iterations,
        summary.stop_reason,
        summary.seconds,
        summary.tau,
        summary.beta,
        if summary.automatic {
            ", chosen from the first gradient"
        } else {
            ""
        }
    ))?;
    line("before", &summary.results.before)?;
    line("last iterate", &summary.results.last)?;
    line(
        &format!("best (iteration {})", summary.best_iteration),
        &summary.results.best,
    )?;
    line("saved, 8 bits", &summary.results.rounded_to_8_bits)?;
    print_likeness(summary)?;
    print(&format!(
        "  the {} iterate is saved in {}",
        summary.saved,
        out.display()
    ))
}

/// Prints how far the saved image can be told from the source.
pub fn print_likeness(summary: &Summary) -> Result<()> {
    let Some(likeness) = &summary.likeness else {
        return Ok(());
    };
    let psnr = likeness
        .psnr
        .map_or("none".into(), |psnr| format!("{psnr:.1} dB"));
    print(&format!(
        "  source and saved       L∞ {:.4}   PSNR {psnr}   SSIM {:.4}: {}",
        likeness.linf, likeness.ssim, likeness.in_words
    ))
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
        eprintln!("note: rounded to 8 bits the saved image equals the source; {retry}");
    } else if results.rounded_to_8_bits.iou <= results.before.iou {
        eprintln!("note: rounded to 8 bits the saved image comes no nearer to the target; {retry}");
    }
    if results.best.iou < STALLED && summary.objective == Objective::Logit.to_string() {
        eprintln!(
            "note: the best IoU is {:.3}; networks whose logits rise together need --objective margin",
            results.best.iou
        );
    }
}
