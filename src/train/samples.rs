//! The samples that a network is trained on.

use super::augment::{Augmentation, augment};
use crate::error::{Error, Result};
use crate::labels::LabelMap;
use crate::tensor::{Shape, Tensor};

/// Images of one size with their labels, kept with 8 bits a value.
#[derive(Clone, Debug)]
pub struct Samples {
    shape: Shape,
    images: Vec<Vec<u8>>,
    labels: Vec<LabelMap>,
}

impl Samples {
    /// No samples yet, of images of `channels`×`height`×`width`.
    pub fn new(channels: usize, height: usize, width: usize) -> Samples {
        Samples {
            shape: Shape::new(1, channels, height, width),
            images: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// Adds a sample: an image with values in \[0, 1\], which are rounded to 8 bits, and a label for each of
    /// its pixels.
    ///
    /// # Errors
    /// If the image has another shape than all others, or the labels another size than the image.
    pub fn push(&mut self, image: &Tensor, labels: LabelMap) -> Result<()> {
        if image.shape() != self.shape {
            return Err(Error::Usage(format!(
                "a sample's image has shape {}, and the others {}; bring all to one size",
                image.shape(),
                self.shape
            )));
        }
        if (labels.height(), labels.width()) != (self.shape.h, self.shape.w) {
            return Err(Error::Usage(format!(
                "a sample's labels have {} rows and {} columns, and its image {} and {}; want a label for each pixel",
                labels.height(),
                labels.width(),
                self.shape.h,
                self.shape.w
            )));
        }
        let round = |value: &f32| (255.0 * value.clamp(0.0, 1.0)).round() as u8;
        self.images.push(image.data().iter().map(round).collect());
        self.labels.push(labels);
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// The shape of each image, a batch of one.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// A number that other images or labels, or the same in another order, are all but sure not to have
    /// (FNV-1a over all bytes).
    pub fn fingerprint(&self) -> u64 {
        let bytes = self.images.iter().zip(&self.labels);
        let bytes = bytes.flat_map(|(image, labels)| image.iter().chain(labels.labels()));
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }

    /// The labels of each sample.
    pub fn labels(&self) -> impl Iterator<Item = &LabelMap> {
        self.labels.iter()
    }

    /// Whether any pixel of any sample is of this class.
    pub fn has_class(&self, class: u8) -> bool {
        self.labels.iter().any(|labels| labels.count(class) > 0)
    }

    /// The largest class that any label names.
    pub fn largest_class(&self) -> Option<u8> {
        self.labels.iter().filter_map(LabelMap::largest_class).max()
    }

    /// A sample as it is.
    ///
    /// # Errors
    /// If there is no such sample.
    pub fn get(&self, index: usize) -> Result<(Tensor, &LabelMap)> {
        let (Some(image), Some(labels)) = (self.images.get(index), self.labels.get(index)) else {
            return Err(Error::Usage(format!(
                "sample {index} was asked for, and there are {}; count from 0",
                self.len()
            )));
        };
        let values = image.iter().map(|&value| f32::from(value) / 255.0).collect();
        Ok((Tensor::new(self.shape, values)?, labels))
    }

    /// A random variation of a sample, which `seed` determines.
    ///
    /// # Errors
    /// If there is no such sample, or the settings cannot be.
    pub fn varied(&self, index: usize, augmentation: &Augmentation, seed: u64) -> Result<(Tensor, LabelMap)> {
        let (image, labels) = self.get(index)?;
        augment(&image, labels, augmentation, seed)
    }
}
