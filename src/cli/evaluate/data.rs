//! What is attacked.

use std::path::PathBuf;

use asma::attack::Target;
use asma::data::{NameRule, PairPaths, image_files, pair_by_name};
use asma::evaluate::{Pair, Pairing, Want, pair_with_others, read_pairs_csv};
use asma::{Error, Result};
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::cli::preparation::note_unpaired;

#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub struct DataArguments {
    /// The folder with the images
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "csv",
        conflicts_with = "csv"
    )]
    images: Option<PathBuf>,
    /// The folder with their masks, of the same names or by common conventions such as NAME_mask
    #[arg(long, value_name = "DIR", requires = "images")]
    masks: Option<PathBuf>,
    /// A mask is called as its image with this behind it, before the ending
    #[arg(long, value_name = "TEXT", requires = "masks", allow_hyphen_values = true)]
    mask_suffix: Option<String>,
    /// A mask is called as its image with this before it
    #[arg(long, value_name = "TEXT", requires = "masks", allow_hyphen_values = true)]
    mask_prefix: Option<String>,
    /// A list of pairs in place of folders: image,target and maybe region and label (the image's own mask), with a header; files
    /// are looked for from its folder
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Which mask each image shall be predicted as: random (that of another image, by --seed), next (that of the next image) or
    /// all (those of all others in turn) [default: random]
    #[arg(long, value_name = "HOW", conflicts_with_all = ["csv", "target", "untargeted"])]
    pairs: Option<PairingChoice>,
    /// What the network should predict for every image, as `asma attack` takes it, in place of other images' masks
    #[arg(
        long,
        value_name = "TARGET", value_parser = OsStringValueParser::new().try_map(Target::try_from),
        allow_hyphen_values = true,
        conflicts_with = "csv"
    )]
    target: Option<Target>,
    /// Only pixels that are white in this mask may change, in all images
    #[arg(long, value_name = "FILE", conflicts_with = "csv")]
    region: Option<PathBuf>,
    /// Take the first so many pairs
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PairingChoice {
    Random,
    Next,
    All,
}

impl DataArguments {
    /// The pairs, and how they came about.
    pub fn read(&self, seed: u64, untargeted: bool) -> Result<(Vec<Pair>, String)> {
        if self.limit == Some(0) {
            return Err(Error::Usage("--limit 0: want one pair at least".into()));
        }
        let (mut pairs, how) = match &self.csv {
            Some(csv) => (
                read_pairs_csv(csv, untargeted)?,
                if untargeted { "csv, untargeted" } else { "csv" }.to_string(),
            ),
            None => self.read_folders(seed, untargeted)?,
        };
        if let Some(limit) = self.limit {
            pairs.truncate(limit);
        }
        if let Some(region) = &self.region {
            pairs
                .iter_mut()
                .for_each(|pair| pair.region = Some(region.clone()));
        }
        Ok((pairs, how))
    }

    fn read_folders(&self, seed: u64, untargeted: bool) -> Result<(Vec<Pair>, String)> {
        let Some(images) = &self.images else {
            return Err(Error::Usage(
                "there is nothing to attack; give --images and --masks, or --csv".into(),
            ));
        };
        let with_masks: Option<Vec<PairPaths>> = match &self.masks {
            Some(masks) => {
                let rule = NameRule {
                    prefix: self.mask_prefix.clone(),
                    suffix: self.mask_suffix.clone(),
                };
                let pairing = pair_by_name(images, masks, &rule)?;
                note_unpaired(&pairing.unpaired);
                Some(pairing.pairs)
            }
            None => None,
        };
        let for_all = |want: &dyn Fn(Option<&PathBuf>) -> Want| -> Result<Vec<Pair>> {
            let images: Vec<(PathBuf, Option<PathBuf>)> = match with_masks.clone() {
                Some(pairs) => pairs
                    .into_iter()
                    .map(|pair| (pair.image, Some(pair.mask)))
                    .collect(),
                None => image_files(images)?
                    .into_iter()
                    .map(|image| (image, None))
                    .collect(),
            };
            Ok(images
                .into_iter()
                .map(|(image, label)| Pair {
                    image,
                    want: want(label.as_ref()),
                    label,
                    region: None,
                })
                .collect())
        };
        match (&self.target, untargeted, &with_masks) {
            (_, true, _) => Ok((for_all(&|label| Want::Leave(label.cloned()))?, "untargeted".into())),
            (Some(target), ..) => Ok((
                for_all(&|_| Want::Target(target.clone()))?,
                format!("target {target}"),
            )),
            (None, false, Some(pairs)) => {
                let (pairing, how) = match self.pairs.unwrap_or(PairingChoice::Random) {
                    PairingChoice::Random => (Pairing::Random { seed }, format!("random, seed {seed}")),
                    PairingChoice::Next => (Pairing::Next, "next".into()),
                    PairingChoice::All => (Pairing::All, "all".into()),
                };
                Ok((pair_with_others(pairs, pairing)?, how))
            }
            (None, false, None) => Err(Error::Usage(
                "there is nothing to lead to; give --masks, of which each image gets another one's, --target, or --untargeted"
                    .into(),
            )),
        }
    }
}
