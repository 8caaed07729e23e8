//! What is trained on.

use std::ops::Range;
use std::path::{Path, PathBuf};

use asma::data::{
    Sample, SyntheticKind, SyntheticOptions, common_encoding, generate, pair_by_name, read_pairs,
};
use asma::train::{Samples, split};
use asma::{Error, Result};
use clap::Args;
use rayon::prelude::*;

use crate::cli::console::say;
use crate::cli::preparation::PreparationArguments;
use crate::cli::progress::CountProgress;

/// The most synthetic images of one run.
const MOST_IMAGES: usize = 100_000;
/// Images that are read or made at once.
const PIECE: usize = 64;

#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub struct DataArguments {
    /// The folder with the images
    #[arg(long, value_name = "DIR", requires = "masks")]
    images: Option<PathBuf>,
    /// The folder with their masks, of the same names (0/255, or class indices; 255 beside other indices is
    /// ignored)
    #[arg(long, value_name = "DIR", requires = "images")]
    masks: Option<PathBuf>,
    /// Train on synthetic images instead: fundus or lesion
    #[arg(
        long,
        value_name = "KIND",
        conflicts_with_all = ["images", "masks", "preset", "crop", "resize", "pad"],
        required_unless_present = "images"
    )]
    synthetic: Option<SyntheticKind>,
    /// How many synthetic images, those to validate on among them
    #[arg(long, value_name = "N", default_value_t = 2000, conflicts_with = "images")]
    count: usize,
    /// Side of the synthetic images in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 192, conflicts_with = "images")]
    size: usize,
    /// The share of the samples that is validated on and not trained on
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    validation: f32,
    #[command(flatten)]
    preparation: PreparationArguments,
}

impl DataArguments {
    /// Refuses what cannot be before any work is done.
    pub fn check(&self, classes: usize) -> Result<()> {
        let Some(kind) = self.synthetic else {
            return Ok(());
        };
        if !(2..=MOST_IMAGES).contains(&self.count) {
            return Err(Error::Usage(format!(
                "--count {}: want 2 to {MOST_IMAGES} images",
                self.count
            )));
        }
        let most = match kind {
            SyntheticKind::Fundus => 3,
            SyntheticKind::Lesion => 2,
        };
        if classes > most {
            return Err(Error::Usage(format!(
                "--classes {classes}: synthetic {kind} images have at most {most} classes"
            )));
        }
        self.options(kind, classes, 0).check()
    }

    fn options(&self, kind: SyntheticKind, classes: usize, seed: u64) -> SyntheticOptions {
        SyntheticOptions {
            kind,
            size: self.size,
            seed,
            cup: classes == 3,
        }
    }

    /// The side of the synthetic images, which is known before there are any.
    pub fn synthetic_side(&self) -> Option<usize> {
        self.synthetic.map(|_| self.size)
    }

    /// The samples to train and to validate on. Lists on stderr what has no partner.
    pub fn read(&self, classes: usize, seed: u64) -> Result<(Samples, Samples)> {
        let (training, validation) = match (&self.images, &self.masks, self.synthetic) {
            (Some(images), Some(masks), _) => self.read_folders(images, masks, classes, seed)?,
            (_, _, Some(kind)) => {
                let options = self.options(kind, classes, seed);
                self.collect(self.count, seed, "making images", |indices| {
                    let make = |index: usize| {
                        let (image, labels) = generate(&options, index as u64)?;
                        let name = format!("synthetic image {index}");
                        Ok(Sample { name, image, labels })
                    };
                    indices.into_par_iter().map(make).collect()
                })?
            }
            _ => {
                return Err(Error::Usage(
                    "there is nothing to train on; give --images and --masks, or --synthetic".into(),
                ));
            }
        };
        note_absent_classes(&[&training, &validation], classes);
        Ok((training, validation))
    }

    fn read_folders(
        &self,
        images: &Path,
        masks: &Path,
        classes: usize,
        seed: u64,
    ) -> Result<(Samples, Samples)> {
        let pairing = pair_by_name(images, masks)?;
        for path in &pairing.unpaired {
            say(format_args!(
                "note: {} has no partner and is left out",
                path.display()
            ));
        }
        let preparation = self.preparation.preparation();
        let encoding = common_encoding(&pairing.pairs, classes)?;
        self.collect(pairing.pairs.len(), seed, "reading images", |indices| {
            read_pairs(&pairing.pairs[indices], &preparation, classes, encoding)
        })
    }

    /// Makes `count` samples, a few at a time so that they never stand in memory as floats all at once, and
    /// splits them.
    fn collect(
        &self,
        count: usize,
        seed: u64,
        what: &'static str,
        make: impl Fn(Range<usize>) -> Result<Vec<Sample>>,
    ) -> Result<(Samples, Samples)> {
        let (_, validated) = split(count, self.validation, seed)?;
        let progress = CountProgress::new(what, count);
        let mut samples: Option<[Samples; 2]> = None;
        for first in (0..count).step_by(PIECE) {
            let piece = make(first..count.min(first + PIECE))?;
            for (index, sample) in (first..).zip(piece) {
                let shape = sample.image.shape();
                let of_kind = samples
                    .get_or_insert_with(|| std::array::from_fn(|_| Samples::new(shape.c, shape.h, shape.w)));
                let kept = usize::from(validated.binary_search(&index).is_ok());
                of_kind[kept]
                    .push(&sample.image, sample.labels)
                    .map_err(|error| Error::Usage(format!("{}: {error}; see --resize", sample.name)))?;
                progress.step();
            }
        }
        progress.finish();
        match samples {
            Some([training, validation]) => Ok((training, validation)),
            None => Err(Error::Usage("there are no images to train on".into())),
        }
    }
}

/// A class that no mask shows is most often a mistake: a wrong --classes, or masks of another encoding.
fn note_absent_classes(samples: &[&Samples], classes: usize) {
    let absent: Vec<String> = (0..classes as u8)
        .filter(|&class| !samples.iter().any(|samples| samples.has_class(class)))
        .map(|class| class.to_string())
        .collect();
    if !absent.is_empty() {
        say(format_args!(
            "note: no mask shows class {}; see --classes",
            absent.join(", ")
        ));
    }
}
