//! What an image does to a network, measured on the host after the attack.

use super::budget::Rate;
use super::config::AttackConfig;
use super::eight_bits::{Levels, TOWARDS, round_towards};
use super::plan::Attack;
use super::purpose::Purpose;
use crate::error::{Error, Result};
use crate::kernels::prediction;
use crate::labels::{LabelMap, compare};
use crate::program::{self, Executor, Readback, wait};
use crate::statistics::Scores;
use crate::tensor::Tensor;

/// An image as a file of few levels keeps it, with what the network makes of it.
#[derive(Clone, Debug)]
pub struct Rounded {
    /// The image: 1×C×H×W in \[0, 1\].
    pub image: Tensor,
    /// What the network predicts for it.
    pub prediction: LabelMap,
    /// How well it does.
    pub scores: Scores,
}

impl Attack {
    /// The network's prediction for every sample of `images`. Overwrites the adversarial image.
    ///
    /// # Errors
    /// If the images have another shape than the attack, or the device fails.
    pub fn predict(&self, executor: &mut dyn Executor, images: &Tensor) -> Result<Vec<LabelMap>> {
        wait(self.predict_async(executor, images))
    }

    /// The async form of [`Attack::predict`].
    ///
    /// # Errors
    /// As [`Attack::predict`].
    pub async fn predict_async(&self, executor: &mut dyn Executor, images: &Tensor) -> Result<Vec<LabelMap>> {
        if images.shape() != self.adversarial().shape {
            return Err(Error::Usage(format!(
                "images of shape {} were given to an attack planned for {}",
                images.shape(),
                self.adversarial().shape
            )));
        }
        executor.write(self.adversarial().buffer, images.data())?;
        program::submit(executor, &self.forward()).await?;
        program::submit(executor, &[self.predict]).await?;
        self.read_predictions(executor).await
    }

    /// Whether an image with the scores `a` serves the attack better than one with `b`: by IoU with what is wanted, of
    /// other attacks than ASMA by the share of pixels that it got right, unless an IoU is asked for.
    pub fn is_better(&self, a: &Scores, b: &Scores) -> bool {
        let by_iou = match &self.config {
            AttackConfig::Asma(_) => true,
            AttackConfig::Budget(config) => config.rate == Rate::Iou,
            AttackConfig::Minimal(_) => false,
        };
        match self.config.purpose() {
            _ if by_iou => a.iou > b.iou,
            Purpose::Targeted => a.pixel_accuracy > b.pixel_accuracy,
            Purpose::Untargeted => a.pixel_accuracy < b.pixel_accuracy,
        }
    }

    /// `image`, which the network does as well on as `exact` says, as a file of these levels keeps it, see
    /// [`to_8_bits`](super::to_8_bits): of four ways to hand on what rounding loses, the one that serves the attack best, the
    /// first of equals. A small perturbation may survive one and not another. Where one that was refined to what was asked
    /// for survives none, it is made larger before it is rounded, by as little as does it. For one sample; overwrites the
    /// adversarial image.
    ///
    /// # Errors
    /// If image or target do not fit the attack, or the device fails.
    pub fn saved(
        &self,
        executor: &mut dyn Executor,
        source: &Tensor,
        image: &Tensor,
        target: &LabelMap,
        exact: &Scores,
        levels: Levels,
    ) -> Result<Rounded> {
        wait(self.saved_async(executor, source, image, target, exact, levels))
    }

    /// The async form of [`Attack::saved`].
    ///
    /// # Errors
    /// As [`Attack::saved`].
    pub async fn saved_async(
        &self,
        executor: &mut dyn Executor,
        source: &Tensor,
        image: &Tensor,
        target: &LabelMap,
        exact: &Scores,
        levels: Levels,
    ) -> Result<Rounded> {
        let classes = self.scored_classes();
        let refines = self.config.asma().is_some_and(|asma| asma.refines());
        let mut best: Option<Rounded> = None;
        for factor in AMPLIFIED
            .into_iter()
            .take(if refines { AMPLIFIED.len() } else { 1 })
        {
            let amplified = amplified(source, image, factor);
            for towards in TOWARDS {
                let rounded = round_towards(source, &amplified, self.config.cap(), levels, towards);
                for prediction in self.predict_async(executor, &rounded).await? {
                    let scores = assess(source, &rounded, target, &prediction, &classes)?;
                    if best
                        .as_ref()
                        .is_none_or(|best| self.is_better(&scores, &best.scores))
                    {
                        best = Some(Rounded {
                            image: rounded.clone(),
                            prediction,
                            scores,
                        });
                    }
                }
            }
            let survives = |best: &Rounded| !self.is_better(exact, &best.scores);
            if best.as_ref().is_some_and(survives) {
                break;
            }
        }
        best.ok_or_else(|| Error::Usage("a batch of no images was given to be saved".into()))
    }

    /// What the call that predicts has left.
    pub(super) async fn read_predictions(&self, executor: &mut dyn Executor) -> Result<Vec<LabelMap>> {
        let readback = self.request_predictions(executor)?;
        self.predictions(&readback.await?)
    }

    pub(super) fn request_predictions(&self, executor: &mut dyn Executor) -> Result<Readback> {
        let words = prediction::Params::words(self.logits().shape.into());
        executor.request_words(self.buffers.predictions, 0, words)
    }

    /// The predictions of all samples from the words that the device wrote.
    pub(super) fn predictions(&self, words: &[u32]) -> Result<Vec<LabelMap>> {
        let shape = self.logits().shape;
        let samples = words.chunks(prediction::Params::words_of_sample(shape.into()));
        let label = |words: &[u32], pixel: usize| words[pixel / 4].to_le_bytes()[pixel % 4];
        samples
            .map(|words| {
                let labels: Vec<u8> = (0..shape.pixels()).map(|pixel| label(words, pixel)).collect();
                if labels.contains(&prediction::NO_CLASS) {
                    return Err(Error::NotFinite(
                        "the network's output holds numbers that are infinite or none, so there is no prediction; check \
                         the weights and how the image is scaled"
                            .into(),
                    ));
                }
                LabelMap::new(shape.h, shape.w, labels)
            })
            .collect()
    }
}

/// What a perturbation that rounding would undo is multiplied by, one after the other until it survives.
const AMPLIFIED: [f32; 5] = [1.0, 1.1, 1.2, 1.35, 1.5];

/// `image` with its perturbation this many times as large, within \[0, 1\].
fn amplified(source: &Tensor, image: &Tensor, factor: f32) -> Tensor {
    let mut result = image.clone();
    if factor != 1.0 {
        for (value, origin) in result.data_mut().iter_mut().zip(source.data()) {
            *value = (origin + factor * (*value - origin)).clamp(0.0, 1.0);
        }
    }
    result
}

/// Measures `image` against `source`, its `prediction` against `target`, IoU averaged over `classes`.
///
/// # Errors
/// If sizes differ, or the logits behind the prediction left no class.
pub fn assess(
    source: &Tensor,
    image: &Tensor,
    target: &LabelMap,
    prediction: &LabelMap,
    classes: &[u8],
) -> Result<Scores> {
    let (iou, pixel_accuracy) = compare(target, prediction, classes)?;
    let differences = source
        .data()
        .iter()
        .zip(image.data())
        .map(|(a, b)| (*a as f64 - *b as f64).abs());
    let (squares, largest) = differences.fold((0.0f64, 0.0f64), |(squares, largest), difference| {
        (squares + difference * difference, largest.max(difference))
    });
    Ok(Scores {
        iou,
        pixel_accuracy,
        l2: squares.sqrt() as f32,
        linf: largest as f32,
    })
}
