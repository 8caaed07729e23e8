//! What a training run leaves: written and printed.

use std::path::Path;
use std::time::Instant;

use asma::files::write_atomically;
use asma::graph::{Graph, SimpleUnet};
use asma::report::{write_history, write_loss_curve};
use asma::train::{Best, TrainingConfig, TrainingState};
use asma::{EpochRow, Error, Result};
use serde::Serialize;

use crate::cli::print;

/// The weights of the best epoch.
pub const WEIGHTS_FILE: &str = "weights.safetensors";
/// Everything that resuming needs.
pub const STATE_FILE: &str = "training.safetensors";

/// Writes what an epoch changed. The state comes last: when it stands, all else does.
pub fn write_epoch(
    out: &Path,
    graph: &Graph,
    unet: &SimpleUnet,
    state: &TrainingState,
    best: bool,
) -> Result<()> {
    if best {
        state
            .weights(graph, unet.metadata())?
            .save(out.join(WEIGHTS_FILE))?;
    }
    write_loss_curve(out.join("loss_curve.svg"), &unet.to_string(), state.history())?;
    write_history(out.join("history.csv"), state.history())?;
    state
        .to_checkpoint(graph, unet.metadata())?
        .save(out.join(STATE_FILE))
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
    out: &Path,
    unet: &SimpleUnet,
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
        network: unet.to_string(),
        parameters: unet
            .tensors()
            .iter()
            .map(|(_, shape)| shape.iter().product::<usize>())
            .sum(),
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
    print(&format!(
        "{}: {} epochs, {:.0} s",
        summary.network, summary.epochs_done, summary.seconds
    ))?;
    match summary.best {
        Some(best) => print(&format!(
            "  best epoch {}: mean IoU {:.4} over {} validation samples; its weights are in {}",
            best.epoch,
            best.iou,
            summary.validation_samples,
            out.join(WEIGHTS_FILE).display()
        )),
        None => print("  no epoch was finished"),
    }
}
