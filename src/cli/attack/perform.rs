//! One attack from files to files, whatever command asked for it.

use std::time::Instant;

use asma::attack::{AsmaConfig, Attack, AttackInput, Snapshots, Target};
use asma::data::Mask;
use asma::report::Summary;
use asma::{Error, LabelMap, Result};

use super::judged::{Judged, predict};
use super::request::Request;
use super::results::{Attacked, FILES, frames, summary, write_results};
use crate::cli::network::echo;
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
    let options = request.preparation.input();
    let input = options.read(request.image, &model.graph)?;
    echo(&input.description, &input.notes);
    let gpu = request.network.device.open()?;
    let config = AsmaConfig {
        precision: request.network.precision.choose(gpu.as_ref()),
        ..request.config.clone()
    };
    let attack = Attack::new(
        &input.network.graph,
        input.image.shape(),
        config,
        request.region.is_some(),
    )?;
    let regions = match request.region {
        Some(path) => vec![echoed("region", options.read_region(path, &input)?)],
        None => Vec::new(),
    };
    request.target.check(attack.class_count())?;
    let given_target = match request.target {
        Target::File(path) => Some(echoed("target", options.read_target(path, &input)?)),
        _ => None,
    };
    let other = match request.target {
        Target::Of(path) => {
            let other = options.read_another(path, &model.graph, &input)?;
            echo(&other.description, &other.notes);
            Some(other.image)
        }
        _ => None,
    };
    let family = model.name.clone();
    let (source, preparation) = (input.image, input.preparation);
    // The executor holds the weights in the layout of its kernels; these are not needed any more.
    drop((model, input.network));
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
    let mut progress = AttackProgress::new(attack.config().iterations());
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
    let summary = Summary {
        // With what fitted the image to the network.
        preparation: preparation.to_string(),
        ..summary(request, &attack, executor, family, &outcome, &judged, seconds)
    };
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

/// The labels of a mask, of which is said how it was read.
fn echoed(role: &str, mask: Mask) -> LabelMap {
    echo(&[format!("{role}: {}", mask.description)], &[]);
    mask.labels
}
