//! Samples put together for one step.

use rayon::prelude::*;

use super::config::TrainingConfig;
use super::random::derived_seed;
use super::samples::Samples;
use crate::error::Result;
use crate::labels::{IGNORE, LabelMap};
use crate::tensor::{Shape, Tensor};

/// What the random variation of a sample derives its seed with.
const FOR_VARIATIONS: u64 = 3;

/// Images and labels as the network takes them.
pub(super) struct Batch {
    pub(super) images: Vec<f32>,
    pub(super) labels: Vec<u32>,
}

impl Batch {
    /// Random variations of samples `indices`; which ones is determined by seed, epoch and sample.
    pub(super) fn varied(
        samples: &Samples,
        indices: &[usize],
        config: &TrainingConfig,
        epoch: u32,
        output: Shape,
    ) -> Result<Batch> {
        let drawn = indices
            .par_iter()
            .map(|&index| {
                let seed = derived_seed(config.seed, &[FOR_VARIATIONS, epoch.into(), index as u64]);
                samples.varied(index, &config.augmentation, seed)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Batch::of(
            drawn.iter().map(|(image, labels)| (image, labels)),
            output,
        ))
    }

    /// The samples from `first` as they are; what is missing to a whole batch is the last one again, with all
    /// its pixels ignored.
    pub(super) fn plain(samples: &Samples, first: usize, output: Shape) -> Result<Batch> {
        let mut drawn = Vec::with_capacity(output.n);
        for index in first..first + output.n {
            let (image, labels) = samples.get(index.min(samples.len() - 1))?;
            let labels = match index < samples.len() {
                true => labels.clone(),
                false => LabelMap::from_fn(labels.height(), labels.width(), |_, _| IGNORE)?,
            };
            drawn.push((image, labels));
        }
        Ok(Batch::of(
            drawn.iter().map(|(image, labels)| (image, labels)),
            output,
        ))
    }

    fn of<'a>(samples: impl Iterator<Item = (&'a Tensor, &'a LabelMap)>, output: Shape) -> Batch {
        let mut batch = Batch {
            images: Vec::new(),
            labels: Vec::new(),
        };
        for (image, labels) in samples {
            batch.images.extend_from_slice(image.data());
            for row in centre(labels, output) {
                batch.labels.extend(row.iter().map(|&label| u32::from(label)));
            }
        }
        batch
    }
}

/// The rows of the centre of a label map, as large as the network's output.
pub(super) fn centre(labels: &LabelMap, output: Shape) -> impl Iterator<Item = &[u8]> {
    let top = (labels.height() - output.h) / 2;
    let left = (labels.width() - output.w) / 2;
    labels
        .labels()
        .chunks_exact(labels.width())
        .skip(top)
        .take(output.h)
        .map(move |row| &row[left..left + output.w])
}
