//! `asma attack`: one image, one target, one network.

use std::path::{Path, PathBuf};
use std::time::Instant;

use asma::attack::{
    AsmaConfig, Attack, AttackInput, MaskMode, Multiplier, Outcome, Schedule, Snapshot, StepSize, Target,
    assess,
};
use asma::checkpoint::{Checkpoint, WeightTensor};
use asma::data::{
    Preparation, check_foreground, read_mask, read_target, round_to_8_bits, write_image, write_rgb_image,
};
use asma::graph::Model;
use asma::program::Executor;
use asma::report::{
    Figure, Moment, Results, Summary, colour_labels, draw_figure, perturbation_picture, write_summary,
    write_trace,
};
use asma::{Error, LabelMap, Result, Scores, Shape, Tensor};
use clap::Args;

use super::network::{NetworkArguments, named, read_input};
use super::outputs::open_folder;
use super::preparation::PreparationArguments;
use super::print;
use super::progress::AttackProgress;

/// Change an image so slightly that nobody sees it, until the network segments it as the target says
#[derive(Debug, Args)]
pub struct Arguments {
    /// The image to attack
    #[arg(long, value_name = "FILE")]
    image: PathBuf,
    /// What the network should predict: a mask file (0/255 or class indices), shift:DX,DY, scale:S,
    /// rotate:DEGREES (its own prediction, moved), hide:A->B (class A becomes B), class:C (everywhere), or
    /// of:IMAGE (its prediction for another image)
    #[arg(long, value_name = "TARGET", allow_hyphen_values = true)]
    target: Target,
    #[command(flatten)]
    network: NetworkArguments,
    /// The folder that results are written to
    #[arg(long, value_name = "DIR", default_value = "asma-out")]
    out: PathBuf,
    /// Only pixels that are white in this mask, prepared as the image, may change
    #[arg(long, value_name = "FILE")]
    region: Option<PathBuf>,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    preparation: PreparationArguments,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Attack")]
struct Settings {
    /// Most iterations
    #[arg(long, value_name = "N", default_value_t = 500)]
    iterations: u32,
    /// The multiplier at an IoU of 0, or `auto`: from the first gradient, so that any network needs some
    /// hundreds of iterations
    #[arg(
        long,
        value_name = "TAU|auto",
        default_value = "1e-7",
        allow_hyphen_values = true
    )]
    tau: Tau,
    /// What an IoU of 1 adds to the multiplier [default: 10 times tau]
    #[arg(long, value_name = "BETA", allow_hyphen_values = true)]
    beta: Option<f32>,
    /// The weight of the distance to the source image
    #[arg(
        long,
        value_name = "LAMBDA",
        default_value_t = 1.0,
        allow_hyphen_values = true
    )]
    lambda: f32,
    /// one-forward runs the network once an iteration; two-forward is the authors' published loop
    #[arg(long, value_name = "SCHEDULE", default_value_t = Schedule::OneForward)]
    schedule: Schedule,
    /// Which pixels drive the attack: adaptive (those not yet as the target says) or static (all)
    #[arg(long, value_name = "MASK", default_value_t = MaskMode::Adaptive)]
    mask: MaskMode,
    /// dynamic (grows with the IoU) or static (stays tau)
    #[arg(long, value_name = "MULTIPLIER", default_value_t = Multiplier::Dynamic)]
    multiplier: Multiplier,
    /// The attacked classes, such as 0,2 [default: all]
    #[arg(long, value_name = "CLASSES", value_delimiter = ',')]
    classes: Option<Vec<u8>>,
    /// Stop at this IoU with the target
    #[arg(long, value_name = "IOU", allow_hyphen_values = true)]
    stop_iou: Option<f32>,
    /// Stop after this many iterations without a new best IoU
    #[arg(long, value_name = "N")]
    patience: Option<u32>,
}

/// What `--tau` says.
#[derive(Clone, Copy, Debug)]
enum Tau {
    Automatic,
    Fixed(f32),
}

impl std::str::FromStr for Tau {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Tau::Automatic),
            number => number
                .parse()
                .map(Tau::Fixed)
                .map_err(|_| "want a number such as 1e-7, or auto".to_string()),
        }
    }
}

impl Settings {
    fn config(&self) -> Result<AsmaConfig> {
        let step = match (self.tau, self.beta) {
            (Tau::Fixed(tau), beta) => StepSize::Fixed {
                tau,
                beta: beta.unwrap_or(10.0 * tau),
            },
            (Tau::Automatic, None) => StepSize::Automatic,
            (Tau::Automatic, Some(_)) => {
                return Err(Error::Usage(
                    "--tau auto chooses beta too; give either --tau auto or --beta".into(),
                ));
            }
        };
        Ok(AsmaConfig {
            schedule: self.schedule,
            mask: self.mask,
            multiplier: self.multiplier,
            step,
            lambda: self.lambda,
            classes: self.classes.clone(),
            iterations: self.iterations,
            stop_iou: self.stop_iou,
            patience: self.patience,
        })
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let start = Instant::now();
    let config = arguments.settings.config()?;
    let model = arguments.network.load()?;
    let preparation = arguments.preparation.preparation();
    let source = read_input(&arguments.image, &preparation, &model)?;
    let attack = Attack::new(&model.graph, source.shape(), config, arguments.region.is_some())?;
    let regions = match &arguments.region {
        Some(path) => vec![read_region(path, &preparation, source.shape())?],
        None => Vec::new(),
    };
    arguments.target.check(attack.class_count())?;
    let given_target = match &arguments.target {
        Target::File(path) => Some(read_target(
            path,
            &preparation,
            source.shape(),
            attack.logits().shape,
        )?),
        _ => None,
    };
    let other = match &arguments.target {
        Target::Of(path) => Some(read_other(path, &preparation, &model, source.shape())?),
        _ => None,
    };
    let gpu = arguments.network.open_device()?;
    let family = model.family.to_string();
    // The executor holds the weights in the layout of its kernels; these are not needed any more.
    drop(model);
    let mut executor = arguments.network.executor(gpu, attack.program())?;
    let executor = executor.as_mut();

    let before = predict(&attack, executor, &source)?;
    let target = match (given_target, &other) {
        (Some(target), _) => target,
        (None, Some(other)) => predict(&attack, executor, other)?,
        (None, None) => arguments
            .target
            .from_prediction(&before, attack.class_count())?
            .ok_or_else(|| Error::Usage(format!("target `{}` is no file", arguments.target)))?,
    };
    if target == before {
        return Err(Error::Usage(format!(
            "target `{}`: the network predicts it already, so there is nothing to attack",
            arguments.target
        )));
    }
    let out = open_folder(&arguments.out)?;
    let mut progress = AttackProgress::new(attack.config().iterations);
    let outcomes = attack.run(
        executor,
        AttackInput {
            source: &source,
            targets: std::slice::from_ref(&target),
            regions: &regions,
            snapshots: true,
        },
        &mut |now| progress.show(&now.traces[0]),
    );
    progress.finish();
    let outcome = outcomes?
        .into_iter()
        .next()
        .ok_or_else(|| Error::Usage("no image was attacked".into()))?;

    let judged = Judged::new(&attack, executor, &source, &target, &before, &outcome)?;
    let summary = summary(arguments, &attack, executor, family, &outcome, &judged, start);
    write_results(&out, &source, &target, &before, &outcome, &judged, &summary)?;
    if arguments.json {
        print(
            &serde_json::to_string_pretty(&summary).map_err(|error| Error::file("standard output", error))?,
        )?;
    } else {
        print_summary(&summary, &out)?;
    }
    warn(&summary.results);
    Ok(())
}

/// Says on stderr what the numbers say too, but is easily overlooked.
fn warn(results: &Results) {
    let retry = "try --tau auto, a larger --tau or more --iterations";
    if results.rounded_to_8_bits.l2 == 0.0 {
        eprintln!("note: rounded to 8 bits the saved image equals the source; {retry}");
    } else if results.rounded_to_8_bits.iou <= results.before.iou {
        eprintln!("note: rounded to 8 bits the saved image comes no nearer to the target; {retry}");
    }
}

/// The prediction for one image.
fn predict(attack: &Attack, executor: &mut dyn Executor, image: &Tensor) -> Result<LabelMap> {
    let predictions = attack.predict(executor, image)?;
    predictions
        .into_iter()
        .next()
        .ok_or_else(|| Error::Usage("the image holds no sample".into()))
}

fn read_region(path: &Path, preparation: &Preparation, input: Shape) -> Result<LabelMap> {
    let mask = read_mask(path, 2)?;
    let size = preparation
        .prepared_size(mask.height(), mask.width())
        .map_err(|error| named(path, error))?;
    if size != (input.h, input.w) {
        return Err(Error::Usage(format!(
            "{}: prepared, the region has {}×{} pixels (columns × rows), and the image {}×{}; want the same size",
            path.display(),
            size.1,
            size.0,
            input.w,
            input.h
        )));
    }
    let prepared = preparation
        .apply_labels(&mask, input.h, input.w)
        .map_err(|error| named(path, error))?;
    check_foreground(path, &prepared)?;
    // What nobody labelled, such as a border of zeros, may not change.
    LabelMap::from_fn(input.h, input.w, |y, x| u8::from(prepared.get(y, x) == Some(1)))
}

fn read_other(path: &Path, preparation: &Preparation, model: &Model, wanted: Shape) -> Result<Tensor> {
    let other = read_input(path, preparation, model)?;
    if other.shape() != wanted {
        return Err(Error::Usage(format!(
            "{}: prepared it has {}×{} pixels, and the attacked image {}×{}; want the same size, see --resize",
            path.display(),
            other.shape().w,
            other.shape().h,
            wanted.w,
            wanted.h
        )));
    }
    Ok(other)
}

/// The images that the attack left, with what the network makes of them.
struct Judged {
    results: Results,
    /// The image that is saved: the last or the best, whichever has the higher IoU.
    saved: Tensor,
    saved_name: &'static str,
    /// After how many steps the best image stood.
    best_iteration: u32,
    /// The prediction for the saved image, as float.
    after: LabelMap,
}

impl Judged {
    fn new(
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
        let (_, rounded_to_8_bits) = judge(&round_to_8_bits(&saved))?;
        Ok(Judged {
            results: Results {
                before: assess(source, source, target, before, &classes)?,
                last,
                best,
                rounded_to_8_bits,
            },
            saved,
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

fn summary(
    arguments: &Arguments,
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
        image: arguments.image.display().to_string(),
        target: arguments.target.to_string(),
        weights: arguments.network.weights.display().to_string(),
        network: family,
        device: executor.describe(),
        preset: arguments.preparation.preset.map(|preset| preset.to_string()),
        preparation: arguments.preparation.preparation().to_string(),
        input_size: [input.h, input.w],
        output_size: [output.h, output.w],
        classes: config.attacked(attack.class_count()),
        schedule: config.schedule.to_string(),
        mask: config.mask.to_string(),
        multiplier: config.multiplier.to_string(),
        tau: outcome.tau,
        beta: outcome.beta,
        automatic: config.step == StepSize::Automatic,
        lambda: config.lambda,
        iteration_limit: config.iterations,
        stop_iou: config.stop_iou,
        patience: config.patience,
        region: arguments.region.as_ref().map(|path| path.display().to_string()),
        iterations: outcome.trace.len() as u32,
        saved: judged.saved_name.into(),
        best_iteration: judged.best_iteration,
        stop_reason: outcome.stop.to_string(),
        results: judged.results,
        seconds: start.elapsed().as_secs_f64(),
    }
}

fn write_results(
    out: &Path,
    source: &Tensor,
    target: &LabelMap,
    before: &LabelMap,
    outcome: &Outcome,
    judged: &Judged,
    summary: &Summary,
) -> Result<()> {
    write_image(out.join("adversarial.png"), &judged.saved)?;
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
        mask_name: format!("{} mask", capitalised(&summary.mask)),
        moments: moments(&outcome.snapshots, target, summary)?,
        adversarial: judged.saved.clone(),
        adversarial_prediction: judged.after.clone(),
        scores: judged.saved_scores(),
        scores_of: format!(
            "float image, the {} iterate; as 8 bits IoU {:.1} %",
            judged.saved_name,
            100.0 * judged.results.rounded_to_8_bits.iou
        ),
        trace: outcome.trace.clone(),
    })?;
    write_rgb_image(out.join("figure.png"), &figure)?;
    write_trace(out.join("trace.csv"), &outcome.trace)?;
    write_summary(out.join("summary.json"), summary)
}

fn file_name(path: &str) -> String {
    match Path::new(path).file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => path.to_string(),
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// The masks nearest to the beginning, a third, two thirds and the end of the attack: each pixel that drives
/// it, with the class that it drives towards.
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
            let mask = match summary.mask.as_str() {
                "static" => target.clone(),
                _ => LabelMap::adaptive_mask(target, &snapshot.prediction)?,
            };
            Ok(Moment {
                iteration: snapshot.iteration,
                mask: mask.only(&summary.classes),
            })
        })
        .collect()
}

fn print_summary(summary: &Summary, out: &Path) -> Result<()> {
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
    print(&format!(
        "  the {} iterate is saved in {}",
        summary.saved,
        out.display()
    ))
}
