//! A training run in the middle, as it is saved and taken up again.

use serde::{Deserialize, Serialize};

use super::config::TrainingConfig;
use crate::checkpoint::{Checkpoint, WeightTensor};
use crate::error::Result;
use crate::graph::Graph;
use crate::statistics::EpochRow;

/// Metadata key of what is no tensor.
const TRAINING_KEY: &str = "training";
/// What stands before a parameter's name in the names of its moments.
const MOMENTS: [&str; 2] = ["first_moment.", "second_moment."];

/// The epoch with the best validation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Counted from 1.
    pub epoch: u32,
    /// Mean IoU of the validation samples, see [`EpochRow::validation_iou`].
    pub iou: f64,
}

/// What a run is trained and validated on, and what its network makes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Data {
    /// Samples to train and to validate on.
    pub(super) samples: [usize; 2],
    /// [`Samples::fingerprint`](super::Samples::fingerprint) of both.
    pub(super) fingerprints: [u64; 2],
    /// Shapes of a batch and of its logits, which tell the padding too.
    pub(super) input: String,
    pub(super) output: String,
}

/// How far a run has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) data: Data,
    /// Epochs done.
    pub(super) epoch: u32,
    /// Steps done of the epoch that follows.
    pub(super) step: u32,
    /// Sum of their losses.
    pub(super) loss_sum: f64,
    pub(super) history: Vec<EpochRow>,
    pub(super) best: Option<Best>,
}

impl Progress {
    /// The numbers of the best epoch.
    pub(super) fn best_row(&self) -> Option<&EpochRow> {
        let best = self.best?;
        self.history.iter().find(|row| row.epoch == best.epoch)
    }
}

#[derive(Serialize, Deserialize)]
struct Saved {
    config: TrainingConfig,
    progress: Progress,
}

/// Everything that a run needs to go on as if it had never stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingState {
    pub(super) config: TrainingConfig,
    pub(super) progress: Progress,
    /// Parameters in the order of the graph, first and second moments.
    pub(super) numbers: [Vec<f32>; 3],
}

impl TrainingState {
    /// The settings of the run.
    pub fn config(&self) -> &TrainingConfig {
        &self.config
    }

    /// Epochs done.
    pub fn epoch(&self) -> u32 {
        self.progress.epoch
    }

    /// Steps done of the epoch that follows.
    pub fn step(&self) -> u32 {
        self.progress.step
    }

    /// A row for each epoch done.
    pub fn history(&self) -> &[EpochRow] {
        &self.progress.history
    }

    /// The best epoch so far.
    pub fn best(&self) -> Option<Best> {
        self.progress.best
    }

    /// The parameters alone, named as in `graph`, of which the state is; with `metadata`, such as
    /// [`SimpleUnet::metadata`](crate::model::SimpleUnet::metadata).
    ///
    /// # Errors
    /// If the state is of another network, or a number is not finite.
    pub fn weights(
        &self,
        graph: &Graph,
        metadata: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Checkpoint> {
        Checkpoint::from_tensors(tensors(graph, &self.numbers[0], "")?, metadata)
    }

    /// All of it.
    ///
    /// # Errors
    /// As [`TrainingState::weights`].
    pub fn to_checkpoint(
        &self,
        graph: &Graph,
        metadata: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Checkpoint> {
        let saved = Saved {
            config: self.config.clone(),
            progress: self.progress.clone(),
        };
        let saved = serde_json::to_string(&saved).map_err(|error| {
            crate::Error::Usage(format!("the state of the training cannot be written: {error}"))
        })?;
        let mut all = tensors(graph, &self.numbers[0], "")?;
        for (prefix, numbers) in MOMENTS.iter().zip(&self.numbers[1..]) {
            all.extend(tensors(graph, numbers, prefix)?);
        }
        let metadata = metadata.into_iter().chain([(TRAINING_KEY.to_string(), saved)]);
        Checkpoint::from_tensors(all, metadata)
    }

    /// Reads what [`TrainingState::to_checkpoint`] wrote, for the network of `graph`.
    ///
    /// # Errors
    /// If the checkpoint is no such state, or of another network.
    pub fn from_checkpoint(checkpoint: &Checkpoint, graph: &Graph) -> Result<TrainingState> {
        let Some(saved) = checkpoint.metadata().get(TRAINING_KEY) else {
            return Err(checkpoint.error(
                "holds weights but not the state of a training, so that it cannot be resumed; name the file \
                 that training wrote for that",
            ));
        };
        let Saved { config, progress } = serde_json::from_str(saved).map_err(|error| {
            checkpoint.error(format!(
                "its state of the training cannot be read: {error}; it is of another version or damaged"
            ))
        })?;
        let read = |prefix: &str| -> Result<Vec<f32>> {
            let mut numbers = Vec::with_capacity(graph.parameter_count());
            for parameter in graph.parameters() {
                let name = format!("{prefix}{}", parameter.name);
                numbers.extend(checkpoint.tensor_shaped(&name, &parameter.shape)?.data);
            }
            Ok(numbers)
        };
        let numbers = [read("")?, read(MOMENTS[0])?, read(MOMENTS[1])?];
        Ok(TrainingState {
            config,
            progress,
            numbers,
        })
    }
}

/// Numbers in the order of the graph's parameters as tensors.
fn tensors(graph: &Graph, numbers: &[f32], prefix: &str) -> Result<Vec<(String, WeightTensor)>> {
    let mut rest = numbers;
    let mut tensors = Vec::new();
    for parameter in graph.parameters() {
        let (data, after) = rest.split_at_checked(parameter.data.len()).ok_or_else(|| {
            crate::Error::Usage("the state of a training was given with the graph of another network".into())
        })?;
        rest = after;
        let tensor = WeightTensor::new(parameter.shape.clone(), data.to_vec())?;
        tensors.push((format!("{prefix}{}", parameter.name), tensor));
    }
    Ok(tensors)
}
