//! What is attacked: images, each with what is wanted of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::record::PairNames;
use crate::attack::Target;
use crate::data::{InputOptions, MaskOptions, PairPaths, TensorAddress, common_reading_of};
use crate::error::{Error, Result};
use crate::job::{Goal, MaskSource};
use crate::train::{Random, derived_seed};

/// An image with what is wanted of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The image's file.
    pub image: PathBuf,
    /// What the network shall predict for it, or shall not.
    pub want: Want,
    /// The image's own mask, if it has one.
    pub label: Option<PathBuf>,
    /// The mask of the pixels that may change; all of them if `None`.
    pub region: Option<PathBuf>,
}

/// What is wanted of an image.
#[derive(Clone, Debug, PartialEq)]
pub enum Want {
    /// That the network predicts this.
    Target(Target),
    /// That it predicts the mask of another image, which is prepared as that image is, whatever its size.
    MaskOfAnother(PathBuf),
    /// That it predicts anything else than this mask, or than what it predicts now.
    Leave(Option<PathBuf>),
}

/// Whose mask each image gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// That of another image, at random, each mask once.
    Random {
        /// What it follows from.
        seed: u64,
    },
    /// Those of all other images, one after the other.
    All,
    /// That of the next image; the last gets that of the first.
    Next,
}

/// What [`Pairing::Random`] derives its seed with.
const FOR_PAIRS: u64 = 3;

impl Pair {
    /// What is wanted, as a job takes it. That of [`Want::MaskOfAnother`] is the mask's file.
    pub fn goal(&self) -> Goal<'_> {
        match &self.want {
            Want::Target(target) => Goal::Target(target),
            Want::MaskOfAnother(mask) => Goal::Labels(MaskSource::File(mask)),
            Want::Leave(mask) => Goal::Untargeted(mask.as_deref().map(MaskSource::File)),
        }
    }

    /// What all of it is called.
    pub fn names(&self) -> PairNames {
        let name = |path: &PathBuf| path.display().to_string();
        PairNames {
            image: name(&self.image),
            target: self.goal().name(),
            label: self.label.as_ref().map(name),
            region: self.region.as_ref().map(name),
        }
    }

    /// The files that it is read from.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let rest = [self.label.as_deref(), self.region.as_deref()];
        [Some(self.image.as_path()), self.goal().file()]
            .into_iter()
            .chain(rest)
            .flatten()
    }

    /// The files of its masks whose numbers are classes, those in tensors left out.
    fn masks(&self) -> impl Iterator<Item = &Path> {
        let wanted = match &self.want {
            Want::Target(Target::File(mask)) | Want::MaskOfAnother(mask) => Some(mask),
            Want::Leave(mask) => mask.as_ref(),
            Want::Target(_) => None,
        };
        [wanted, self.label.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
            .filter(|mask| TensorAddress::of(mask).is_none())
    }
}

/// Gives each image the masks of others.
///
/// # Errors
/// If there is only one image.
pub fn pair_with_others(images: &[PairPaths], pairing: Pairing) -> Result<Vec<Pair>> {
    let count = images.len();
    if count < 2 {
        return Err(Error::Usage(format!(
            "{count} image with a mask; each image gets the mask of another, so give two or more, or name one target for all"
        )));
    }
    let pair = |image: usize, mask: usize| Pair {
        image: images[image].image.clone(),
        want: Want::MaskOfAnother(images[mask].mask.clone()),
        label: Some(images[image].mask.clone()),
        region: None,
    };
    Ok(match pairing {
        Pairing::Next => (0..count).map(|image| pair(image, (image + 1) % count)).collect(),
        Pairing::All => (0..count)
            .flat_map(|image| (1..count).map(move |step| (image, (image + step) % count)))
            .map(|(image, mask)| pair(image, mask))
            .collect(),
        Pairing::Random { seed } => {
            // One cycle through all of them (Sattolo), in which nobody is at its own place.
            let mut random = Random::new(derived_seed(seed, &[FOR_PAIRS]));
            let mut masks: Vec<usize> = (0..count).collect();
            for last in (1..count).rev() {
                masks.swap(last, random.below(last));
            }
            (0..count).map(|image| pair(image, masks[image])).collect()
        }
    })
}

/// The columns that a list of pairs may have, the first two of which it must.
const COLUMNS: [&str; 4] = ["image", "target", "region", "label"];

/// Reads pairs from a CSV file with a header: `image,target`, and maybe `region` and `label` (the image's own mask), which may
/// be empty. A target is written as `asma attack` takes it. Files are looked for from the folder of the CSV file. With
/// `untargeted`, a target is a mask that is to be left; where none is named that is the image's own mask, or what the network
/// predicts.
///
/// # Errors
/// If the file cannot be read, a column is missing, unknown or there twice, a field is no target, two lines are the same, or there is none.
pub fn read_pairs_csv(path: impl AsRef<Path>, untargeted: bool) -> Result<Vec<Pair>> {
    let path = path.as_ref();
    let refused = |problem: String| Error::file(path, problem);
    let unread = |cause: csv::Error| refused(format!("is no list of pairs: {cause}"));
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(unread)?;
    let header = reader.headers().map_err(unread)?.clone();
    let wanted = "want the header image,target, and maybe region and label behind it";
    if let Some(unknown) = header.iter().find(|name| !COLUMNS.contains(name)) {
        return Err(refused(format!("has a column `{unknown}`; {wanted}")));
    }
    let column = |name: &str| header.iter().position(|other| other == name);
    if let Some(twice) = header
        .iter()
        .enumerate()
        .find(|(at, name)| column(name) != Some(*at))
    {
        return Err(refused(format!("has the column `{}` twice; {wanted}", twice.1)));
    }
    let (image, target) = (column("image"), column("target"));
    if image.is_none() || target.is_none() && !untargeted {
        return Err(refused(format!("lacks a column `image` or `target`; {wanted}")));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut pairs = Vec::new();
    let mut lines: HashMap<Vec<String>, u64> = HashMap::new();
    for row in reader.records() {
        let row = row.map_err(unread)?;
        let line = row.position().map_or(0, csv::Position::line);
        let field = |column: Option<usize>| {
            let text = column.and_then(|column| row.get(column)).unwrap_or("");
            (!text.is_empty()).then(|| folder.join(text))
        };
        let empty = |what: &str| refused(format!("line {line} names no {what}"));
        let label = field(column("label"));
        let want = match (
            untargeted,
            target.and_then(|target| row.get(target)).unwrap_or(""),
        ) {
            (true, "") => Want::Leave(label.clone()),
            (true, mask) => Want::Leave(Some(folder.join(mask))),
            (false, "") => return Err(empty("target")),
            (false, text) => {
                let target = match text.parse() {
                    Ok(target) => target,
                    // A colon may stand in a file's name.
                    Err(_) if folder.join(text).is_file() => Target::File(text.into()),
                    Err(error) => return Err(refused(format!("line {line}: {error}"))),
                };
                Want::Target(match target {
                    Target::File(mask) => Target::File(folder.join(mask)),
                    Target::Of(image) => Target::Of(folder.join(image)),
                    made => made,
                })
            }
        };
        pairs.push(Pair {
            image: field(image).ok_or_else(|| empty("image"))?,
            want,
            label,
            region: field(column("region")),
        });
        if let Some(first) = lines.insert(row.iter().map(str::to_string).collect(), line) {
            return Err(refused(format!(
                "lines {first} and {line} are the same; leave one of them out"
            )));
        }
    }
    match pairs.is_empty() {
        true => Err(refused("lists no pair".into())),
        false => Ok(pairs),
    }
}

/// The options with how all masks of these pairs are read, told from all of them together. Masks that cannot be decoded say
/// nothing.
///
/// # Errors
/// If masks contradict each other, or their values fit no reading.
pub fn with_common_reading(options: &InputOptions, pairs: &[Pair], classes: usize) -> Result<InputOptions> {
    let mut masks: Vec<&Path> = pairs.iter().flat_map(Pair::masks).collect();
    masks.sort_unstable();
    masks.dedup();
    let reading = match masks.is_empty() {
        true => None,
        false => Some(common_reading_of(&masks, classes, &options.mask)?),
    };
    Ok(InputOptions {
        mask: MaskOptions {
            reading,
            ..options.mask.clone()
        },
        ..options.clone()
    })
}
