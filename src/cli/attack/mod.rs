//! `asma attack`: one image, one target, one network.

mod results;
mod settings;

use std::path::{Path, PathBuf};
use std::time::Instant;

use asma::attack::{Attack, AttackInput, Snapshots, Target};
use asma::data::{Preparation, check_foreground, read_mask, read_target};
use asma::graph::Model;
use asma::program::Executor;
use asma::{Error, LabelMap, Result, Shape, Tensor};
use clap::Args;

use self::results::{Judged, print_summary, summary, warn, write_results};
use self::settings::Settings;
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
    let gpu = arguments.network.device.open()?;
    let family = model.family.to_string();
    // The executor holds the weights in the layout of its kernels; these are not needed any more.
    drop(model);
    let mut executor = arguments.network.device.executor(gpu, attack.program())?;
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
            snapshots: Snapshots::Predictions,
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
