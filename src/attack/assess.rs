//! What an image does to a network, measured on the host after the attack.

use super::plan::Attack;
use crate::error::{Error, Result};
use crate::labels::{LabelMap, compare};
use crate::program::Executor;
use crate::statistics::Scores;
use crate::tensor::{Shape, Tensor};

impl Attack {
    /// The network's prediction for every sample of `images`. Overwrites the adversarial image.
    ///
    /// # Errors
    /// If the images have another shape than the attack, or the device fails.
    pub fn predict(&self, executor: &mut dyn Executor, images: &Tensor) -> Result<Vec<LabelMap>> {
        if images.shape() != self.adversarial().shape {
            return Err(Error::Usage(format!(
                "images of shape {} were given to an attack planned for {}",
                images.shape(),
                self.adversarial().shape
            )));
        }
        executor.write(self.adversarial().buffer, images.data())?;
        executor.submit(&self.forward())?;
        let logits = self.read_logits(executor)?;
        (0..logits.shape().n)
            .map(|sample| LabelMap::from_logits(&logits, sample))
            .collect()
    }

    /// The logits of the last forward pass.
    pub(super) fn read_logits(&self, executor: &mut dyn Executor) -> Result<Tensor> {
        let place = self.logits();
        let length = self.program().buffers()[place.buffer.0].length;
        let words = executor.read(place.buffer, length)?;
        Ok(place.gather(&words))
    }
}

/// One sample of a batch.
pub(super) fn sample(batch: &Tensor, index: usize) -> Tensor {
    let shape = Shape {
        n: 1,
        ..batch.shape()
    };
    Tensor::from_fn(shape, |_, c, y, x| batch.at(index, c, y, x))
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
