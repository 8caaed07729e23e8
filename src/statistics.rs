//! The statistics of the attack: of one iteration, and of one image.

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
    /// The multiplier αₙ that this iteration's step used.
    pub multiplier: f32,
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
