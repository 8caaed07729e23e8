//! What an evaluation writes down, as it stands in its files. A reader needs nothing else.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `evaluation.json` | an [`Evaluation`]: everything that the results follow from; written first |
//! | `results.jsonl` | a [`Record`] a line: one pair attacked with one setting |
//! | `traces.jsonl` | a [`TraceRecord`] a line, of every record that is done |
//! | `summary.json` | a [`Summary`](super::Summary): means, deviations and intervals; written last |
//! | `table.md`, `table.tex` | the same for people |
//! | `report.html` | a page that shows all of it, see [`write_report`](super::write_report) |
//! | `shard.json` | a [`Shard`](super::Shard), where it is a slice |
//!
//! While an evaluation runs its lines stand in the order in which attacks end; once all have ended, they are sorted by
//! [`Record::task`]. A line is whole where a line feed ends it. Where adversarial images are saved, `saved/TASK/` holds what is
//! kept of a record: `adversarial.png` of 8 bits and `adversarial.safetensors` (the tensor `adversarial`, C×H×W); `source.png` stands beside
//! them, prepared as the network saw it, so that the two can be laid over each other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::attack::Purpose;

/// Everything that the results of an evaluation follow from. Two runs with the same one come to the same records, but for times
/// and the last digits on another device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The version of asma.
    pub asma_version: String,
    /// The network's file, as it was given.
    pub weights: String,
    /// A checksum of what it, and files beside it, hold: that of [`checksum_of_network`](super::checksum_of_network).
    pub weights_checksum: String,
    /// The network in words.
    pub network: String,
    /// How the network's values are stored: `f32` or `f16`.
    pub precision: String,
    /// How images and masks are read and prepared, in words.
    pub preparation: String,
    /// How images came to their targets: `random, seed 1`, `all`, `next`, `csv`, `untargeted`, or a target for all.
    pub pairing: String,
    /// Whether attacks lead towards the pairs' labels or away from them.
    pub purpose: Purpose,
    /// From which success on a pair counts as attacked, see [`Measures::success`].
    pub thresholds: Vec<f32>,
    /// Whether adversarial images are kept.
    pub saves: bool,
    /// The attacks, each with its settings.
    pub settings: Vec<Setting>,
    /// What is attacked.
    pub pairs: Vec<PairNames>,
}

/// An attack with its settings: a row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// What it is called; no two are called the same. `asma`, or `asma mask=static multiplier=dynamic`.
    pub name: String,
    /// The attack's name.
    pub attack: String,
    /// What an ablation varies, by its name: `mask`, `eps`; as it was asked for: `static`, `2/255`.
    pub varied: BTreeMap<String, String>,
    /// The losses that are each attacked with, if there are several; the worst for the network is what is recorded.
    pub losses: Vec<String>,
    /// All its settings.
    pub config: serde_json::Value,
}

/// The names of what one pair consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairNames {
    /// The image's file.
    pub image: String,
    /// What the network shall predict, or in an untargeted attack shall leave: a file, or as the command line takes it.
    pub target: String,
    /// The image's own mask, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The mask of the pixels that may change, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// A line of `results.jsonl`: one pair attacked with one setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its number: that of the pair times the number of settings, and that of the setting.
    pub task: usize,
    /// Which of [`Evaluation::pairs`], counted from 0.
    pub pair: usize,
    /// [`Setting::name`].
    pub setting: String,
    /// [`PairNames::image`].
    pub image: String,
    /// [`PairNames::target`].
    pub target: String,
    /// What came of it; its fields stand beside the others, with `status`.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What came of a pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Verdict {
    /// It was attacked.
    Done(Box<Measured>),
    /// It could not be.
    Failed {
        /// Why, in one line.
        reason: String,
    },
}

/// What an attack on a pair came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Rows and columns of the network's input.
    pub input_size: [usize; 2],
    /// What it ran on.
    pub device: String,
    /// Intersection over union of the network's prediction for the source with the image's own mask, if there is one.
    pub clean_iou: Option<f32>,
    /// The same with the target.
    pub iou_before: f32,
    /// The share of pixels that the network predicts as the target has them for the source.
    pub pixel_accuracy_before: f32,
    /// The image that the attack left.
    pub float: Measures,
    /// The same as a file of 8 bits keeps it.
    pub as_8_bits: Measures,
    /// Iterations until it stopped, rows of the trace: of other attacks than ASMA one more than steps, as the last scores the
    /// image after the last step. Where the worst of several losses was kept, of that one alone.
    pub iterations: u32,
    /// After how many of them the image stood that came out.
    pub best_iteration: u32,
    /// Why it stopped, in words.
    pub stop: String,
    /// Forward passes of the network that its iterations took, of all losses, without those that judge images.
    pub forward_passes: u64,
    /// Backward passes that they took.
    pub backward_passes: u64,
    /// Wall-clock time of the attack, of all losses; of one in a batch its share. Other pairs may have run beside it.
    pub seconds: f64,
    /// What of the image is likely a mistake, in one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What each loss came to, where the worst of several was kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<LossMeasures>,
}

/// How an image does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Intersection over union of the prediction with the target (untargeted: with the label), of two classes that of the
    /// foreground, else the mean over the attacked classes; classes that neither has are left out.
    pub iou: f32,
    /// The share of pixels that are predicted as the target has them.
    pub pixel_accuracy: f32,
    /// Of each class of the network, by its number.
    pub classes: Vec<ClassCounts>,
    /// ‖X − Xₙ‖₁ over all channels and pixels of the network's input, values being 0 to 1.
    pub l1: f64,
    /// ‖X − Xₙ‖₂.
    pub l2: f32,
    /// The largest |X − Xₙ|.
    pub linf: f32,
    /// Peak signal-to-noise ratio in decibels; nothing where the images are equal. Of 8 bits both images are rounded.
    pub psnr: Option<f64>,
    /// Mean structural similarity, 1 where the images are equal. Of 8 bits both images are rounded.
    pub ssim: f64,
    /// For each of [`Evaluation::thresholds`] whether it is reached: targeted by [`Measures::iou`], untargeted by what that
    /// lacks to 1.
    pub success: Vec<bool>,
}

/// How often a class occurs, pixels without a label left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCounts {
    /// In the target (untargeted: the label).
    pub target: u64,
    /// In the prediction.
    pub prediction: u64,
    /// In both, at the same pixel.
    pub both: u64,
}

impl ClassCounts {
    /// Pixels where one of the two has it.
    pub fn union(&self) -> u64 {
        self.target + self.prediction - self.both
    }

    /// Intersection over union; nothing where neither has it.
    pub fn iou(&self) -> Option<f64> {
        match self.union() {
            0 => None,
            union => Some(self.both as f64 / union as f64),
        }
    }
}

/// What an attack on one loss came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossMeasures {
    /// The loss.
    pub loss: String,
    /// As [`Measures::iou`], of the float image.
    pub iou: f32,
    /// As [`Measures::pixel_accuracy`].
    pub pixel_accuracy: f32,
    /// As [`Measures::classes`].
    pub classes: Vec<ClassCounts>,
}

/// A line of `traces.jsonl`: how an attack came along. Every list has as many numbers; of long attacks at most
/// [`MOST_POINTS`] are kept, evenly spread, the first and the last among them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceRecord {
    /// [`Record::task`].
    pub task: usize,
    /// Iterations, from 0.
    pub iteration: Vec<u32>,
    /// Intersection over union with the target.
    pub iou: Vec<f32>,
    /// ‖X − Xₙ‖₂.
    pub l2: Vec<f32>,
    /// The largest |X − Xₙ|.
    pub linf: Vec<f32>,
}

/// Most points of a trace that are kept.
pub const MOST_POINTS: usize = 200;
