//! Attacks on images that are in memory, several at once: each is an attack of its own.
//!
//!     batch WEIGHTS IMAGES NxCxHxW TARGET ATTACK [NAME=VALUE ...]
//!
//! IMAGES holds floats from 0 to 1, TARGET class indices of the images' size, a byte each; or TARGET is a text such as
//! `scale:1.5`, or `-` for an attack with `untargeted=on` that leads away from what the network predicts. What it prints is
//! what `capi/examples/attack.c` prints, line by line, and the tests of the bindings compare them.

use anyhow::{Context, bail};
use asma::attack::{Purpose, Settings, Snapshots, StopReason, Target, table};
use asma::gpu::DeviceChoice;
use asma::job::{Batch, Goal, MaskSource, Performed, Session, Silent};
use asma::model::{Model, ModelOptions};
use asma::statistics::Scores;
use asma::{LabelMap, Shape, Tensor};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [weights, images, shape, target, attack, options @ ..] = &arguments[..] else {
        bail!("usage: batch WEIGHTS IMAGES NxCxHxW TARGET ATTACK [NAME=VALUE ...]");
    };
    let shape = read_shape(shape)?;
    let bytes = std::fs::read(images).with_context(|| images.clone())?;
    let values = bytes
        .chunks_exact(4)
        .map(|word| f32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    let images = Tensor::new(shape, values.collect())?;

    let model = Model::open(weights, &ModelOptions::default())?;
    let session = Session::new(weights.clone(), model, DeviceChoice::Cpu)?;
    let mut settings = Settings::default();
    for option in options {
        let (name, value) = option.split_once('=').context("want name=value")?;
        settings.set(name, value)?;
    }
    let entry = table::named(attack).context("no such attack")?;
    settings.refuse_idle(&[entry])?;
    let (config, losses) = settings.config(entry)?;

    let (words, labels) = read_target(target, shape)?;
    let goals = goals(settings.purpose(), words.as_ref(), &labels);
    let batch = Batch {
        model: &session.model,
        name: &session.name,
        images: &images,
        goals: &goals,
        regions: &[],
        config,
        losses,
        snapshots: Snapshots::None,
        together: None,
    };
    let performed = batch.run(&mut session.device.clone(), &mut Silent)?;
    for (image, performed) in performed.iter().enumerate() {
        print_image(image, performed);
    }
    for (image, performed) in performed.iter().enumerate() {
        println!(
            "hash,{image},{:016x}",
            hash(performed.attacked.judged.saved.data())
        );
    }
    Ok(())
}

fn read_shape(text: &str) -> anyhow::Result<Shape> {
    let sizes: Vec<usize> = text.split('x').map(str::parse).collect::<Result<_, _>>()?;
    match sizes[..] {
        [n, c, h, w] => Ok(Shape::new(n, c, h, w)),
        _ => bail!("want NxCxHxW"),
    }
}

/// What is wanted, in words or as labels; neither for `-`.
fn read_target(text: &str, shape: Shape) -> anyhow::Result<(Option<Target>, Vec<LabelMap>)> {
    match (text, std::fs::read(text)) {
        ("-", _) => Ok((None, Vec::new())),
        (_, Ok(labels)) => {
            let maps = labels.chunks_exact(shape.pixels());
            let maps = maps.map(|labels| LabelMap::new(shape.h, shape.w, labels.to_vec()));
            Ok((None, maps.collect::<asma::Result<_>>()?))
        }
        (_, Err(_)) => Ok((Some(text.parse()?), Vec::new())),
    }
}

/// One for each image, or one for all.
fn goals<'a>(purpose: Purpose, words: Option<&'a Target>, labels: &'a [LabelMap]) -> Vec<Goal<'a>> {
    let mask = |labels| MaskSource::Memory {
        name: "target",
        labels,
    };
    match (purpose, words) {
        (_, Some(words)) => vec![Goal::Target(words)],
        (Purpose::Targeted, None) => labels.iter().map(mask).map(Goal::Labels).collect(),
        (Purpose::Untargeted, None) if labels.is_empty() => vec![Goal::Untargeted(None)],
        (Purpose::Untargeted, None) => labels.iter().map(mask).map(Some).map(Goal::Untargeted).collect(),
    }
}

fn print_image(image: usize, performed: &Performed) {
    let (attacked, judged) = (&performed.attacked, &performed.attacked.judged);
    let results = &judged.results;
    print_scores(image, "before", &results.before);
    print_scores(image, "last", &results.last);
    print_scores(image, "best", &results.best);
    print_scores(image, "adversarial", &judged.saved_scores());
    print_scores(image, "rounded", &results.rounded_to_8_bits);
    let stop = match attacked.outcome.stop {
        StopReason::Iterations => 0,
        StopReason::IouReached => 1,
        StopReason::GoalReached => 2,
        StopReason::NoProgress => 3,
        StopReason::Interrupted => 4,
        StopReason::NothingToAttack => 5,
    };
    let trace = &attacked.outcome.trace;
    println!(
        "iterations,{image},{},{},{stop}",
        trace.len(),
        judged.best_iteration
    );
    for row in trace {
        println!(
            "trace,{image},{},{},{},{},{},{},{},{}",
            row.iteration,
            row.iou,
            row.pixel_accuracy,
            row.l2,
            row.linf,
            row.multiplier,
            row.loss.unwrap_or(f32::NAN),
            row.success_rate.unwrap_or(f32::NAN)
        );
    }
}

fn print_scores(image: usize, name: &str, scores: &Scores) {
    let Scores {
        iou,
        pixel_accuracy,
        l2,
        linf,
    } = scores;
    println!("scores,{image},{name},{iou},{pixel_accuracy},{l2},{linf}");
}

/// A number that follows from every bit of the values (FNV-1a).
fn hash(values: &[f32]) -> u64 {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
