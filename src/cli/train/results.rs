//! What a training run leaves: written and printed.

use std::path::Path;
use std::time::Instant;

use asma::files::write_atomically;
use asma::model::Model;
use asma::report::{write_history, write_loss_curve};
use asma::train::{Best, TrainingConfig, TrainingState};
use asma::{EpochRow, Error, Result};
use serde::Serialize;

use crate::cli::console::{print, say, tell};
use crate::cli::outputs::OutputFolder;

/// The weights of the best epoch.
pub const WEIGHTS_FILE: &str = "weights.safetensors";
/// Everything that resuming needs.
pub const STATE_FILE: &str = "training.safetensors";

/// What follows from the state, and is gone while it does not.
pub const DERIVED_FILES: [&str; 3] = ["summary.json", "loss_curve.svg", "history.csv"];

/// Writes what an epoch changed. The state comes first: all else follows from it, so that a run which ends in between
/// goes on from there, and one that ends before has left nothing.
pub fn write_epoch(out: &OutputFolder, model: &Model, state: &TrainingState) -> Result<()> {
    state
        .to_checkpoint(&model.graph, model.metadata()?)?
        .save(out.join(STATE_FILE))?;
    write_derived(out, model, state)
}

/// Writes what follows from a state with at least one epoch: weights if the last epoch is the best (those of an earlier
/// one stand already), curve and table.
pub fn write_derived(out: &OutputFolder, model: &Model, state: &TrainingState) -> Result<()> {
    let weights = out.join(WEIGHTS_FILE);
    match state.best() {
        Some(best) if best.epoch == state.epoch() && state.step() == 0 => {
            state.weights(&model.graph, model.metadata()?)?.save(&weights)?;
        }
        Some(best) if !weights.exists() => say(format_args!(
            "note: {}, the weights of the best epoch {}, is gone; it comes back with the next better epoch",
            weights.display(),
            best.epoch
        )),
        _ => {}
    }
    write_loss_curve(out.join("loss_curve.svg"), &model.name, state.history())?;
    write_history(out.join("history.csv"), state.history())
}

/// The run in numbers, as `summary.json` has it.
#[derive(Debug, Serialize)]
pub struct TrainingSummary {
    asma_version: &'static str,
    command: String,
    network: String,
    parameters: usize,
    device: String,
    training_samples: usize,
    validation_samples: usize,
    epochs_done: u32,
    best: Option<Best>,
    last: Option<EpochRow>,
    settings: TrainingConfig,
    /// Of this process; a resumed run took the time before that too.
    seconds: f64,
}

/// Writes `summary.json`.
pub fn write_summary(
    out: &OutputFolder,
    model: &Model,
    state: &TrainingState,
    [training_samples, validation_samples]: [usize; 2],
    device: String,
    start: Instant,
) -> Result<TrainingSummary> {
    let summary = TrainingSummary {
        asma_version: env!("CARGO_PKG_VERSION"),
        command: std::iter::once("asma".to_string())
            .chain(std::env::args().skip(1))
            .collect::<Vec<_>>()
            .join(" "),
        network: model.name.clone(),
        parameters: model.graph.parameter_count(),
        device,
        training_samples,
        validation_samples,
        epochs_done: state.epoch(),
        best: state.best(),
        last: state.history().last().copied(),
        settings: state.config().clone(),
        seconds: start.elapsed().as_secs_f64(),
    };
    write_atomically(out.join("summary.json"), |file| {
        serde_json::to_writer_pretty(file, &summary).map_err(std::io::Error::other)
    })?;
    Ok(summary)
}

/// Prints the summary in a few lines, or as JSON.
pub fn print_summary(summary: &TrainingSummary, out: &Path, json: bool) -> Result<()> {
    if json {
        return print(
            &serde_json::to_string_pretty(summary).map_err(|error| Error::file("standard output", error))?,
        );
    }
    tell(format_args!(
        "{}: {} epochs, {:.0} s",
        summary.network, summary.epochs_done, summary.seconds
    ));
    match summary.best {
        Some(best) => tell(format_args!(
            "  best epoch {}: mean IoU {:.4} over {} validation samples; its weights are in {}",
            best.epoch,
            best.iou,
            summary.validation_samples,
            out.join(WEIGHTS_FILE).display()
        )),
        None => tell("  no epoch was finished"),
    }
    Ok(())
}
