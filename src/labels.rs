//! Label maps: one class for each pixel, as a network predicts it and as a mask file states it.

use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// The label of a pixel that no loss and no statistic looks at.
pub const IGNORE: u8 = 255;

/// `height` rows of `width` labels, row-major. A label is a class index, or [`IGNORE`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelMap {
    height: usize,
    width: usize,
    labels: Vec<u8>,
}

impl LabelMap {
    /// A map of `height`×`width` labels in row-major order.
    ///
    /// # Errors
    /// If a side is zero or `labels` does not hold exactly `height`·`width` labels.
    pub fn new(height: usize, width: usize, labels: Vec<u8>) -> Result<Self> {
        if height == 0 || width == 0 || height.checked_mul(width) != Some(labels.len()) {
            return Err(Error::Usage(format!(
                "a label map of {height} rows and {width} columns was given {} labels; \
                 give one label for each pixel, and at least one pixel",
                labels.len()
            )));
        }
        Ok(LabelMap {
            height,
            width,
            labels,
        })
    }

    /// A map whose label at row `y`, column `x` is `label(y, x)`.
    ///
    /// # Errors
    /// If a side is zero.
    pub fn from_fn(height: usize, width: usize, label: impl Fn(usize, usize) -> u8) -> Result<Self> {
        let label = &label;
        let labels = (0..height)
            .flat_map(|y| (0..width).map(move |x| label(y, x)))
            .collect();
        LabelMap::new(height, width, labels)
    }

    /// The class of each pixel of one sample: the channel with the largest logit, the first of equal
    /// ones. A network with one channel separates class 1 (logit > 0) from class 0.
    ///
    /// # Errors
    /// If there is no such sample, the tensor is empty or has more than 255 channels, or a logit is not finite.
    pub fn from_logits(logits: &Tensor, sample: usize) -> Result<Self> {
        let shape = logits.shape();
        if sample >= shape.n {
            return Err(Error::Usage(format!(
                "logits of shape {shape} have no sample {sample}; count samples from 0"
            )));
        }
        if shape.c == 0 || shape.c > usize::from(IGNORE) {
            return Err(Error::Usage(format!(
                "logits of shape {shape} have {} channels; a label map takes 1 to 255 classes",
                shape.c
            )));
        }
        for class in 0..shape.c {
            if let Some(logit) = logits
                .plane(sample, class)
                .iter()
                .find(|logit| !logit.is_finite())
            {
                return Err(Error::NotFinite(format!(
                    "the network's output holds {logit} in channel {class}, so there is no prediction; \
                     check the weights and how the image is scaled"
                )));
            }
        }
        let mut labels = vec![0; shape.pixels()];
        if shape.c == 1 {
            for (label, &logit) in labels.iter_mut().zip(logits.plane(sample, 0)) {
                *label = u8::from(logit > 0.0);
            }
        } else {
            let mut largest = logits.plane(sample, 0).to_vec();
            for class in 1..shape.c {
                let plane = logits.plane(sample, class);
                for ((label, largest), &logit) in labels.iter_mut().zip(&mut largest).zip(plane) {
                    if logit > *largest {
                        *label = class as u8;
                        *largest = logit;
                    }
                }
            }
        }
        LabelMap::new(shape.h, shape.w, labels)
    }

    /// The adaptive mask 1\[Y = c\]·1\[M ≠ c\] of a target Y and a prediction M, all classes in one map:
    /// the target's class where the attack still has something to change, [`IGNORE`] elsewhere.
    ///
    /// # Errors
    /// If the two differ in size.
    pub fn adaptive_mask(target: &LabelMap, prediction: &LabelMap) -> Result<Self> {
        same_size(target, prediction)?;
        let labels = target
            .labels
            .iter()
            .zip(&prediction.labels)
            .map(|(&wanted, &found)| if wanted == found { IGNORE } else { wanted })
            .collect();
        LabelMap::new(target.height, target.width, labels)
    }

    /// The same map with every class that is not in `classes` ignored.
    pub fn only(mut self, classes: &[u8]) -> Self {
        for label in &mut self.labels {
            if !classes.contains(label) {
                *label = IGNORE;
            }
        }
        self
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The labels, row-major.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The labels, row-major.
    pub fn into_labels(self) -> Vec<u8> {
        self.labels
    }

    /// The label at row `y`, column `x`, or nothing outside the map.
    pub fn get(&self, y: usize, x: usize) -> Option<u8> {
        if y >= self.height || x >= self.width {
            return None;
        }
        self.labels.get(y * self.width + x).copied()
    }

    /// How many pixels carry this label.
    pub fn count(&self, class: u8) -> usize {
        self.labels.iter().filter(|&&label| label == class).count()
    }

    /// The largest class in the map, or nothing where every pixel is ignored.
    pub fn largest_class(&self) -> Option<u8> {
        self.labels.iter().copied().filter(|&label| label != IGNORE).max()
    }
}

/// Which classes' IoU is averaged when the classes `attacked` of a network with `class_count` classes are
/// attacked: the foreground's alone for two (or for one channel, which separates two), else all of them.
pub fn scored_classes(class_count: usize, attacked: &[u8]) -> Vec<u8> {
    if class_count <= 2 {
        vec![1]
    } else {
        attacked.to_vec()
    }
}

/// Intersection over union, averaged over those of `classes` that a map has, and the share of pixels predicted as wanted.
///
/// A class absent from both maps is left out of the mean; where all of them are, the IoU is 1. Pixels that the target
/// labels [`IGNORE`] are left out; where that is all of them, the pixel accuracy is 1. [`scored_classes`] gives the usual
/// `classes`.
///
/// # Errors
/// If the maps differ in size or `classes` is empty.
pub fn compare(target: &LabelMap, prediction: &LabelMap, classes: &[u8]) -> Result<(f32, f32)> {
    same_size(target, prediction)?;
    if classes.is_empty() {
        return Err(Error::Usage(
            "no class was named whose IoU is wanted; name at least one".into(),
        ));
    }
    let mut in_target = [0u64; 256];
    let mut in_prediction = [0u64; 256];
    let mut in_both = [0u64; 256];
    for (&wanted, &found) in target.labels.iter().zip(&prediction.labels) {
        if wanted == IGNORE {
            continue;
        }
        in_target[usize::from(wanted)] += 1;
        in_prediction[usize::from(found)] += 1;
        if wanted == found {
            in_both[usize::from(wanted)] += 1;
        }
    }
    let (mut total_iou, mut present) = (0.0, 0u32);
    for class in classes.iter().map(|&class| usize::from(class)) {
        let union = in_target[class] + in_prediction[class] - in_both[class];
        if union > 0 {
            total_iou += share(in_both[class], union);
            present += 1;
        }
    }
    let iou = match present {
        0 => 1.0,
        _ => total_iou / f64::from(present),
    };
    let pixel_accuracy = share(in_both.iter().sum(), in_target.iter().sum());
    Ok((iou as f32, pixel_accuracy as f32))
}

/// `part` of `whole`, where nothing of nothing is all of it.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}

fn same_size(target: &LabelMap, prediction: &LabelMap) -> Result<()> {
    if (target.height, target.width) != (prediction.height, prediction.width) {
        return Err(Error::Usage(format!(
            "the target has {} rows and {} columns, the prediction {} and {}; \
             both must have the size of the network's output",
            target.height, target.width, prediction.height, prediction.width
        )));
    }
    Ok(())
}
