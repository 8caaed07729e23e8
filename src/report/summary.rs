//! The summary of an attack as JSON: what was attacked, how, and what came of it.

use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::statistics::Scores;
use crate::tensor::Tensor;

use super::similarity::{psnr, ssim};

/// The scores of the images that the attack saw and left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The source image, against the target.
    pub before: Scores,
    /// The float image after the last iteration.
    pub last: Scores,
    /// The float image with the best IoU, or, if it was refined, of those that reach the one asked for the one with the least L2.
    pub best: Scores,
    /// The saved image, after rounding to 8 bits.
    pub rounded_to_8_bits: Scores,
}

/// The adversarial image in the user's own format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InOwnFormat {
    /// The file's name.
    pub file: String,
    /// What it is: size, format, bits.
    pub format: String,
    /// How many of its numbers are not those of the file that was attacked.
    pub changed: usize,
    /// The image as it is read from there.
    pub scores: Scores,
}

/// How far the saved image, of 8 bits, can be told from the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Likeness {
    /// The largest difference of any channel of any pixel, values being 0 to 1.
    pub linf: f64,
    /// Peak signal-to-noise ratio in decibels; nothing where the images are equal.
    pub psnr: Option<f64>,
    /// Mean structural similarity, 1 where the images are equal.
    pub ssim: f64,
    /// What an eye makes of it.
    pub in_words: String,
}

impl Likeness {
    /// Compares the image that is saved with its source.
    ///
    /// # Errors
    /// If they differ in shape.
    pub fn new(source: &Tensor, saved: &Tensor) -> Result<Likeness> {
        let psnr = psnr(source, saved)?;
        let differences = source.data().iter().zip(saved.data());
        let linf = differences.fold(0.0, |most: f64, (a, b)| {
            most.max((f64::from(*a) - f64::from(*b)).abs())
        });
        let in_words = if linf == 0.0 {
            "the saved image equals the source"
        } else if psnr >= UNSEEN && linf <= SPECKLE {
            "hard to see, even with both images side by side"
        } else if psnr >= VISIBLE && linf <= SPECKLE {
            "to be seen with both images side by side"
        } else {
            HARD_TO_MOVE
        };
        Ok(Likeness {
            linf,
            psnr: psnr.is_finite().then_some(psnr),
            ssim: ssim(source, saved)?,
            in_words: in_words.into(),
        })
    }

    /// The same of an attack that goes as far as it may: that its change is visible says nothing of the network.
    pub(crate) fn when_allowed(self) -> Likeness {
        let in_words = match self.in_words == HARD_TO_MOVE {
            true => "VISIBLE without the source beside it".into(),
            false => self.in_words,
        };
        Likeness { in_words, ..self }
    }
}

/// Of an attack that goes no further than it must, which ASMA is.
const HARD_TO_MOVE: &str = "VISIBLE: this network is hard to move to this target";

/// From this PSNR on, in decibels, a change is hard to see: 1 % of the range as a root mean square.
const UNSEEN: f64 = 40.0;
/// Below this PSNR a change is visible without the source beside it: 2.5 % of the range.
const VISIBLE: f64 = 32.0;
/// A value that is further off than this is a speckle that shows: a tenth of the range, and the rounding of both images.
const SPECKLE: f64 = 0.1 + 1.0 / 255.0;

/// Which attack, and how it was set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AttackSettings {
    /// ASMA.
    Asma(AsmaSettings),
    /// Another one.
    Other(OtherSettings),
}

/// How ASMA was set, and when it reached what it was to reach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AsmaSettings {
    /// The attacked classes.
    pub classes: Vec<u8>,
    /// `one-forward` or `two-forward`.
    pub schedule: String,
    /// `adaptive` or `static`.
    pub mask: String,
    /// `logit` or `margin`.
    pub objective: String,
    /// `dynamic` or `static`.
    pub multiplier: String,
    /// τ, the multiplier's constant part.
    pub tau: f32,
    /// β, the factor of the IoU in the multiplier.
    pub beta: f32,
    /// Whether τ and β were chosen by asma and not by the user.
    pub automatic: bool,
    /// λ, the weight of the distance to the source.
    pub lambda: f32,
    /// The most that a value may differ from the source's, if that is bounded.
    #[serde(default)]
    pub cap: Option<f32>,
    /// Most iterations allowed.
    pub iteration_limit: u32,
    /// The IoU to stop at, if one was asked for.
    pub stop_iou: Option<f32>,
    /// Whether the perturbation was to be refined once that is reached.
    #[serde(default)]
    pub refine: bool,
    /// For how many iterations at most, if that was said; else for as many as it took to get there.
    #[serde(default)]
    pub refining_limit: Option<u32>,
    /// After how many iterations it was reached and refining began, if it did.
    #[serde(default)]
    pub reached: Option<u32>,
    /// Iterations without a new best IoU to stop after, if asked for.
    pub patience: Option<u32>,
}

/// How another attack was set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OtherSettings {
    /// Its name.
    pub attack: String,
    /// `targeted` or `untargeted`.
    pub purpose: String,
    /// Its settings.
    pub attack_settings: serde_json::Value,
    /// What each loss came to, where the worst of several was kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub worst_of: Vec<LossScores>,
    /// The share of labelled pixels that the float image gets as the attack wants them.
    pub success_rate: f32,
}

/// What an attack on one loss came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossScores {
    /// The loss.
    pub loss: String,
    /// The scores of the float image that it left.
    pub scores: Scores,
}

impl Summary {
    /// How ASMA was set, if it was that.
    pub fn asma(&self) -> Option<&AsmaSettings> {
        match &self.settings {
            AttackSettings::Asma(settings) => Some(settings),
            AttackSettings::Other(_) => None,
        }
    }

    /// Whether the attack was to lead away from the labels, and not to a target.
    pub fn is_untargeted(&self) -> bool {
        self.other().is_some_and(|other| other.purpose == "untargeted")
    }

    /// How another attack than ASMA was set.
    pub fn other(&self) -> Option<&OtherSettings> {
        match &self.settings {
            AttackSettings::Asma(_) => None,
            AttackSettings::Other(settings) => Some(settings),
        }
    }
}

/// Everything there is to say about one attack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The version of asma that ran it.
    pub asma_version: String,
    /// The source image's file.
    pub image: String,
    /// The target mask's file.
    pub target: String,
    /// The weights' file, or the name of the bundled ones.
    pub weights: String,
    /// The network in words: family, widths, classes.
    pub network: String,
    /// The device that ran it.
    pub device: String,
    /// The preset's name, if one was used.
    pub preset: Option<String>,
    /// How the network's values were stored: `f32` or `f16`.
    #[serde(default = "f32_name")]
    pub precision: String,
    /// The steps from the photograph to the network's input, in words.
    pub preparation: String,
    /// Rows and columns of the network's input.
    pub input_size: [usize; 2],
    /// Rows and columns of the network's output.
    pub output_size: [usize; 2],
    /// Which attack, and how it was set.
    #[serde(flatten)]
    pub settings: AttackSettings,
    /// The mask file of the pixels that may change, if there is one.
    pub region: Option<String>,
    /// How many iterations ran.
    pub iterations: u32,
    /// Which of `results.last` and `results.best` is the saved image: of ASMA the one with the higher IoU, or the best if it
    /// was refined; of other attacks the best, unless one that keeps the last was interrupted.
    pub saved: String,
    /// After how many steps `results.best` stood.
    pub best_iteration: u32,
    /// Why it ended, in words.
    pub stop_reason: String,
    /// What came of it.
    pub results: Results,
    /// The saved image in the user's own format, if it was written in that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_format: Option<InOwnFormat>,
    /// How far the saved image can be told from the source; summaries of older versions leave it out.
    #[serde(default)]
    pub likeness: Option<Likeness>,
    /// The wall-clock time of the attack, without reading and writing files.
    pub seconds: f64,
}

/// What summaries of versions without float16 leave out.
fn f32_name() -> String {
    "f32".into()
}

/// Writes the summary as indented JSON, whole or not at all. A number that is not finite becomes `null`.
///
/// # Errors
/// If the file cannot be written.
pub fn write_summary(path: impl AsRef<Path>, summary: &Summary) -> Result<()> {
    write_atomically(path, |file| {
        serde_json::to_writer_pretty(&mut *file, summary).map_err(io::Error::from)?;
        writeln!(file)
    })
}

/// Reads a summary.
///
/// # Errors
/// If the file cannot be read or is no summary.
pub fn read_summary(path: impl AsRef<Path>) -> Result<Summary> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|cause| Error::file(path, format!("cannot be read: {cause}")))?;
    serde_json::from_slice(&bytes).map_err(|cause| {
        Error::file(
            path,
            format!("is no summary: {cause}; give a summary.json that asma wrote"),
        )
    })
}
