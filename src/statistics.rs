//! Statistics: of one iteration of the attack, of one image, and of one epoch of training.

use serde::{Deserialize, Serialize};

/// One row of the trace: how far the attack is after an iteration, and what it cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceRow {
    /// The iteration, from 0.
    pub iteration: u32,
    /// Intersection over union of the prediction with the target, 0 to 1: the foreground's for two
    /// classes, else the mean over the attacked classes.
    pub iou: f32,
    /// The share of the target's pixels that are predicted as wanted, 0 to 1.
    pub pixel_accuracy: f32,
    /// ‖X − Xₙ‖₂ over all channels and pixels of the network's input, pixel values being 0 to 1.
    pub l2: f32,
    /// The largest |X − Xₙ| of any channel of any pixel.
    pub linf: f32,
    /// The multiplier αₙ that this iteration's step used; of other attacks than ASMA the length of the step.
    #[serde(alias = "step")]
    pub multiplier: f32,
    /// The loss that is stepped up or down, of other attacks than ASMA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f32>,
    /// The share of the labelled pixels that the attack got right, of other attacks than ASMA, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_rate: Option<f32>,
}

/// How well an image reaches the target, and how far it is from the source.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Intersection over union of the prediction with the target, 0 to 1.
    pub iou: f32,
    /// The share of the target's pixels that are predicted as wanted, 0 to 1.
    pub pixel_accuracy: f32,
    /// ‖X − Xₙ‖₂ over all channels and pixels of the network's input, pixel values being 0 to 1.
    pub l2: f32,
    /// The largest |X − Xₙ|.
    pub linf: f32,
}

/// One epoch of a training run, as curve and tables show it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRow {
    /// The epoch, counted from 1.
    pub epoch: u32,
    /// The mean loss over the training samples.
    pub training_loss: f64,
    /// The mean loss over the validation samples, after the epoch.
    pub validation_loss: f64,
    /// The mean intersection over union of the validation samples, after the epoch, 0 to 1: of each sample the mean
    /// over those foreground classes that its labels or its prediction have. Samples without any are left out; if that
    /// is all of them, 1.
    pub validation_iou: f64,
    /// The step size that the optimiser used, at the epoch's end.
    pub learning_rate: f64,
}

impl EpochRow {
    /// Whether the weights after this epoch are better than those after `other`: a higher validation IoU, or the same
    /// and a lower validation loss.
    pub fn is_better_than(&self, other: &EpochRow) -> bool {
        self.validation_iou > other.validation_iou
            || self.validation_iou == other.validation_iou && self.validation_loss < other.validation_loss
    }
}
