//! What is trained on.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use asma::data::{
    Fit, NameRule, ReadPairs, Sample, SyntheticKind, SyntheticOptions, common_reading, describe_shares,
    generate, pair_by_name, read_pairs,
};
use asma::train::{Samples, split};
use asma::{Error, LabelMap, Result};
use clap::Args;
use rayon::prelude::*;

use crate::cli::console::say;
use crate::cli::network::echo;
use crate::cli::preparation::{self, PreparationArguments, note_unpaired};
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
    /// The folder with their masks, of the same names or by common conventions such as NAME_mask (0/255, or class
    /// indices; 255 beside other indices is ignored)
    #[arg(long, value_name = "DIR", requires = "images")]
    masks: Option<PathBuf>,
    /// A mask is called as its image with this behind it, before the ending
    #[arg(long, value_name = "TEXT", requires = "masks", allow_hyphen_values = true)]
    mask_suffix: Option<String>,
    /// A mask is called as its image with this before it
    #[arg(long, value_name = "TEXT", requires = "masks", allow_hyphen_values = true)]
    mask_prefix: Option<String>,
    /// Train on synthetic images instead: fundus or lesion
    #[arg(
        long,
        value_name = "KIND",
        conflicts_with_all = ["images", "masks"],
        conflicts_with_all = preparation::NAMES,
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
        let rule = NameRule {
            prefix: self.mask_prefix.clone(),
            suffix: self.mask_suffix.clone(),
        };
        let pairing = pair_by_name(images, masks, &rule)?;
        note_unpaired(&pairing.unpaired);
        let options = self.preparation.input();
        let refused = match options.fit {
            Some(Fit::Resize) => Some(
                "--fit resize: the images of a data set come to one size; scale them with --resize WIDTHxHEIGHT",
            ),
            Some(Fit::None) => Some(
                "--fit none: what is trained gets the border that it needs; leave it out, or see --resize",
            ),
            Some(Fit::Pad) | None => None,
        };
        if let Some(problem) = refused {
            return Err(Error::Usage(problem.into()));
        }
        let reading = common_reading(&pairing.pairs, classes, &options.mask)?;
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        let mut notes = Vec::new();
        let samples = self.collect(pairing.pairs.len(), seed, "reading images", |indices| {
            let read = read_pairs(&pairing.pairs[indices], &options, classes, &reading)?;
            let ReadPairs {
                samples,
                images,
                notes: new,
            } = read;
            for kind in images {
                *kinds.entry(kind).or_default() += 1;
            }
            notes.extend(new);
            Ok(samples)
        })?;
        let (training, validation) = &samples;
        let labels: Vec<&LabelMap> = training.labels().chain(validation.labels()).collect();
        let shape = training.shape();
        let description = [
            format!("images: {}: {}", images.display(), describe_kinds(&kinds)),
            format!(
                "masks: {}: {reading}; {}",
                masks.display(),
                describe_shares(&labels, classes)
            ),
            format!("sizes: {}: {}×{}", options.preparation, shape.w, shape.h),
        ];
        echo(&description, &first_notes(&notes));
        Ok(samples)
    }

    /// Makes `count` samples, a few at a time so that they never stand in memory as floats all at once, and
    /// splits them.
    fn collect(
        &self,
        count: usize,
        seed: u64,
        what: &'static str,
        mut make: impl FnMut(Range<usize>) -> Result<Vec<Sample>>,
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

/// So many files of a kind are named.
const MOST_NAMED: usize = 3;

/// How many files are of which kind, the most frequent ones first.
fn describe_kinds(kinds: &BTreeMap<String, usize>) -> String {
    let mut sorted: Vec<(&String, &usize)> = kinds.iter().collect();
    sorted.sort_by_key(|&(_, &count)| std::cmp::Reverse(count));
    let listed = sorted
        .iter()
        .take(MOST_NAMED)
        .map(|(kind, count)| format!("{count} of {kind}"));
    let listed = listed.collect::<Vec<_>>().join("; ");
    match sorted.len().saturating_sub(MOST_NAMED) {
        0 => listed,
        more => format!("{listed}; and {more} other kinds"),
    }
}

/// The first few notes, and how many more there are.
fn first_notes(notes: &[String]) -> Vec<String> {
    let mut first: Vec<String> = notes.iter().take(MOST_NAMED).cloned().collect();
    if let Some(more @ 1..) = notes.len().checked_sub(MOST_NAMED) {
        first.push(format!("{more} more images are like that"));
    }
    first
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
