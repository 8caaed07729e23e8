//! One attack from files to files, whatever command asked for it.

use std::path::Path;
use std::time::Instant;

use asma::attack::{AsmaConfig, Attack, AttackInput, Snapshots, Target};
use asma::data::{Preparation, check_foreground, read_mask, read_target};
use asma::graph::Model;
use asma::report::Summary;
use asma::{Error, LabelMap, Result, Shape, Tensor};

use super::judged::{Judged, predict};
use super::request::Request;
use super::results::{Attacked, FILES, frames, summary, write_results};
use crate::cli::network::{named, read_input};
use crate::cli::progress::AttackProgress;

/// What came of it.
pub struct Performed {
    pub summary: Summary,
    /// What the network predicts for the source image.
    pub before: LabelMap,
    /// What it predicts for the saved one.
    pub after: LabelMap,
}

/// Attacks and writes all results; says on stderr where it runs and how far it is.
pub fn perform(request: &Request<'_>) -> Result<Performed> {
    let of_target = match request.target {
        Target::File(path) | Target::Of(path) => Some(path.as_path()),
        _ => None,
    };
    let inputs = [
        Some(request.image),
        Some(request.network.weights.as_path()),
        request.region,
        of_target,
    ];
    for input in inputs.into_iter().flatten() {
        request.out.refuse_as_input(input, &FILES)?;
    }
    let model = request.network.load()?;
    let preparation = request.preparation.preparation();
    let source = read_input(request.image, &preparation, &model)?;
    let gpu = request.network.device.open()?;
    let config = AsmaConfig {
        precision: request.network.precision.choose(gpu.as_ref()),
        ..request.config.clone()
    };
    let attack = Attack::new(&model.graph, source.shape(), config, request.region.is_some())?;
    let regions = match request.region {
        Some(path) => vec![read_region(path, &preparation, source.shape())?],
        None => Vec::new(),
    };
    request.target.check(attack.class_count())?;
    let given_target = match request.target {
        Target::File(path) => Some(read_target(
            path,
            &preparation,
            source.shape(),
            attack.logits().shape,
        )?),
        _ => None,
    };
    let other = match request.target {
        Target::Of(path) => Some(read_other(path, &preparation, &model, source.shape())?),
        _ => None,
    };
    let family = model.family.to_string();
    // The executor holds the weights in the layout of its kernels; these are not needed any more.
    drop(model);
    let mut executor = request.network.device.executor(gpu, attack.program())?;
    let executor = executor.as_mut();

    let before = predict(&attack, executor, &source)?;
    let target = match (given_target, &other) {
        (Some(target), _) => target,
        (None, Some(other)) => predict(&attack, executor, other)?,
        (None, None) => request
            .target
            .from_prediction(&before, attack.class_count())?
            .ok_or_else(|| Error::Usage(format!("target `{}` is no file", request.target)))?,
    };
    if target == before {
        return Err(Error::Usage(format!(
            "target `{}`: the network predicts it already, so there is nothing to attack",
            request.target
        )));
    }
    let mut progress = AttackProgress::new(attack.config().iterations);
    let start = Instant::now();
    let outcomes = attack.run(
        executor,
        AttackInput {
            source: &source,
            targets: std::slice::from_ref(&target),
            regions: &regions,
            snapshots: match request.gif {
                true => Snapshots::WithImages,
                false => Snapshots::Predictions,
            },
        },
        &mut |now| progress.show(&now.traces[0]),
    );
    let seconds = start.elapsed().as_secs_f64();
    progress.finish();
    let outcome = outcomes?
        .into_iter()
        .next()
        .ok_or_else(|| Error::Usage("no image was attacked".into()))?;

    let judged = Judged::new(&attack, executor, &source, &target, &before, &outcome)?;
    let summary = summary(request, &attack, executor, family, &outcome, &judged, seconds);
    let frames = frames(&attack, executor, &source, &target, &outcome.snapshots, &summary)?;
    let attacked = Attacked {
        source,
        target,
        before,
        outcome,
        judged,
        frames,
    };
    write_results(request.out, &attacked, &summary, request.gif)?;
    Ok(Performed {
        summary,
        before: attacked.before,
        after: attacked.judged.after,
    })
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
