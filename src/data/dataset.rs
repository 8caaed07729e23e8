//! A data set: folders of images and masks, paired by file name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::image::read_image;
use super::mask::{Evidence, MaskEncoding, evidence, read_mask_as};
use super::preprocess::Preparation;
use crate::error::{Error, Result};
use crate::labels::LabelMap;
use crate::tensor::Tensor;

/// Files with these endings are images or masks, in capitals or not.
const EXTENSIONS: [&str; 7] = ["png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp"];

/// What a mask's name may have after its image's name, in capitals or not.
const MASK_SUFFIXES: [&str; 6] = ["_mask", "_segmentation", "_seg", "_label", "-mask", "_gt"];

/// An image file and the mask file that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairPaths {
    /// The image's file name without its ending.
    pub name: String,
    /// The image file.
    pub image: PathBuf,
    /// The mask file.
    pub mask: PathBuf,
}

/// What two folders hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// Images with their masks, by ascending name; at least one.
    pub pairs: Vec<PairPaths>,
    /// Every image file that has no partner, in ascending order.
    pub unpaired: Vec<PathBuf>,
}

/// A sample as networks are trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The image's file name without its ending.
    pub name: String,
    /// The prepared image: 1×3×H×W in \[0, 1\].
    pub image: Tensor,
    /// The class of each pixel of the prepared image: H×W.
    pub labels: LabelMap,
}

/// The image files of one name.
#[derive(Default)]
struct Namesakes {
    images: Vec<PathBuf>,
    masks: Vec<PathBuf>,
}

/// Pairs the images of one folder with the masks of another: files of the same name, whatever their endings.
/// A mask may also be called after its image with `_mask`, `_segmentation`, `_seg`, `_label`, `-mask` or
/// `_gt` after it; where both folders are the same one, the masks are the files that are called so. Folders
/// inside, hidden files and files that are no PNG, JPEG, TIFF, BMP or WebP by their ending are left out.
///
/// # Errors
/// If one of the folders does not exist, cannot be read or holds no image file, if no image has a mask, or if
/// two files could be the image or the mask of one pair.
pub fn pair_by_name(images: impl AsRef<Path>, masks: impl AsRef<Path>) -> Result<Pairing> {
    let (images, masks) = (images.as_ref(), masks.as_ref());
    let same_folder = is_same_folder(images, masks);
    let mut names: BTreeMap<String, Namesakes> = BTreeMap::new();
    let (image_files, mask_files) = match same_folder {
        true => image_files(images)?
            .into_iter()
            .partition(|path| without_suffix(&stem(path)).is_none()),
        false => (image_files(images)?, image_files(masks)?),
    };
    let image_count = image_files.len();
    for path in image_files {
        names.entry(stem(&path)).or_default().images.push(path);
    }
    for path in mask_files {
        let whole = stem(&path);
        // An image that happens to be called like a mask keeps the mask of its own name.
        let is_images_name = names.get(&whole).is_some_and(|files| !files.images.is_empty());
        let name = match without_suffix(&whole) {
            Some(name) if !is_images_name => name.to_string(),
            _ => whole,
        };
        names.entry(name).or_default().masks.push(path);
    }

    let mut pairs = Vec::new();
    let mut unpaired = Vec::new();
    for (name, Namesakes { images, masks }) in names {
        match (images.as_slice(), masks.as_slice()) {
            ([], _) | (_, []) => unpaired.extend(images.into_iter().chain(masks)),
            ([image], [mask]) => pairs.push(PairPaths {
                name,
                image: image.clone(),
                mask: mask.clone(),
            }),
            ([first, second, ..], _) => return Err(ambiguous(first, second, "image", &name)),
            (_, [first, second, ..]) => return Err(ambiguous(first, second, "mask", &name)),
        }
    }
    if pairs.is_empty() {
        let problem = match same_folder {
            true => format!(
                "holds {image_count} images and no mask of one; call a mask like its image with {} after the \
                 name, or put the masks into a folder of their own",
                MASK_SUFFIXES.join(", ")
            ),
            false => format!(
                "holds no mask for any of the {image_count} images in {}; call a mask like its image, with \
                 nothing or {} after the name",
                images.display(),
                MASK_SUFFIXES.join(", ")
            ),
        };
        return Err(Error::file(masks, problem));
    }
    unpaired.sort();
    Ok(Pairing { pairs, unpaired })
}

/// How all the masks of a data set are encoded. One mask alone may not tell: 0 and 255 are black and white, or
/// background and pixels to ignore where other masks have class indices and 255.
///
/// # Errors
/// If a mask cannot be read or fits no encoding, or if two masks contradict each other.
pub fn common_encoding(pairs: &[PairPaths], classes: usize) -> Result<MaskEncoding> {
    let found: Vec<Result<Evidence>> = pairs
        .par_iter()
        .map(|pair| evidence(&pair.mask, classes))
        .collect();
    let found = found.into_iter().collect::<Result<Vec<Evidence>>>()?;
    let first = |wanted: Evidence| {
        let place = found.iter().position(|&evidence| evidence == wanted)?;
        pairs.get(place).map(|pair| pair.mask.as_path())
    };
    let [grey, zero_and_255, indices, indices_and_255] = [
        Evidence::Grey,
        Evidence::ZeroAnd255,
        Evidence::Indices,
        Evidence::IndicesAnd255,
    ]
    .map(first);
    let contradiction = |one: &Path, other: &Path| {
        Err(Error::file(
            one,
            format!(
                "is black and white, and {} holds class indices; save all masks of a data set alike",
                other.display()
            ),
        ))
    };
    match (grey, zero_and_255, indices, indices_and_255) {
        (Some(grey), _, Some(other), _) | (Some(grey), _, _, Some(other)) => contradiction(grey, other),
        // With more than two classes nothing is black and white.
        (None, Some(black_and_white), Some(other), None) if classes <= 2 => {
            contradiction(black_and_white, other)
        }
        (Some(_), ..) => Ok(MaskEncoding::Binary),
        (None, Some(_), None, None) if classes <= 2 => Ok(MaskEncoding::Binary),
        _ => Ok(MaskEncoding::ClassIndices),
    }
}

/// Reads all pairs for a network of `classes` classes, each image and its mask prepared alike. The samples
/// come in the order of the pairs and are all of one size. All masks have the encoding that
/// [`common_encoding`] tells of the whole data set.
///
/// # Errors
/// If a file cannot be read, a mask is not of its image's size or does not fit the classes, the preparation
/// does not work on an image, or prepared images differ in size. Of several bad files, the one that comes first
/// in `pairs` is told.
pub fn read_pairs(
    pairs: &[PairPaths],
    preparation: &Preparation,
    classes: usize,
    encoding: MaskEncoding,
) -> Result<Vec<Sample>> {
    let samples: Vec<Result<Sample>> = pairs
        .par_iter()
        .map(|pair| read_pair(pair, preparation, classes, encoding))
        .collect();
    let samples = samples.into_iter().collect::<Result<Vec<Sample>>>()?;
    let Some((first, first_pair)) = samples.first().zip(pairs.first()) else {
        return Ok(samples);
    };
    let wanted = first.image.shape();
    for (sample, pair) in samples.iter().zip(pairs) {
        let found = sample.image.shape();
        if found != wanted {
            return Err(Error::file(
                &pair.image,
                format!(
                    "is {}×{} pixels when prepared ({preparation}), and {} is {}×{}; all images of a data set \
                     must come to one size: scale them with --resize WIDTHxHEIGHT",
                    found.w,
                    found.h,
                    first_pair.image.display(),
                    wanted.w,
                    wanted.h
                ),
            ));
        }
    }
    Ok(samples)
}

fn read_pair(
    pair: &PairPaths,
    preparation: &Preparation,
    classes: usize,
    encoding: MaskEncoding,
) -> Result<Sample> {
    let image = read_image(&pair.image)?;
    let labels = read_mask_as(&pair.mask, classes, encoding)?;
    let shape = image.shape();
    if (labels.height(), labels.width()) != (shape.h, shape.w) {
        return Err(Error::file(
            &pair.mask,
            format!(
                "is {}×{} pixels, and its image {} is {}×{}; give a mask of the image's size",
                labels.width(),
                labels.height(),
                pair.image.display(),
                shape.w,
                shape.h
            ),
        ));
    }
    let image = preparation
        .apply_image(&image)
        .map_err(|cause| Error::file(&pair.image, cause))?;
    let shape = image.shape();
    let labels = preparation
        .apply_labels(&labels, shape.h, shape.w)
        .map_err(|cause| Error::file(&pair.mask, cause))?;
    Ok(Sample {
        name: pair.name.clone(),
        image,
        labels,
    })
}

/// The image files in a folder, in ascending order.
fn image_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |cause: std::io::Error| {
        let problem = match cause.kind() {
            std::io::ErrorKind::NotFound => "there is no such folder; check the path".to_string(),
            std::io::ErrorKind::NotADirectory => {
                "is no folder; name the folder that the files are in".to_string()
            }
            _ => format!("cannot be read: {cause}"),
        };
        Error::file(folder, problem)
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if is_image_name(&path) && !path.is_dir() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Error::file(
            folder,
            format!(
                "holds no image file ({}); name the folder that the files themselves are in",
                EXTENSIONS.join(", ")
            ),
        ));
    }
    files.sort();
    Ok(files)
}

fn is_image_name(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().to_lowercase());
    !hidden && ending.is_some_and(|ending| EXTENSIONS.contains(&ending.as_str()))
}

fn is_same_folder(first: &Path, second: &Path) -> bool {
    match (fs::canonicalize(first), fs::canonicalize(second)) {
        (Ok(first), Ok(second)) => first == second,
        // Whatever keeps one of them from being found is told when it is read.
        _ => false,
    }
}

/// The file name without its ending.
fn stem(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The name of the image that a mask of this name belongs to, if it is called like a mask.
fn without_suffix(name: &str) -> Option<&str> {
    MASK_SUFFIXES.iter().find_map(|suffix| {
        let length = name
            .len()
            .checked_sub(suffix.len())
            .filter(|&length| length > 0)?;
        let end = name.get(length..)?;
        end.eq_ignore_ascii_case(suffix).then(|| &name[..length])
    })
}

fn ambiguous(first: &Path, second: &Path, role: &str, name: &str) -> Error {
    Error::file(
        second,
        format!(
            "could be the {role} of `{name}`, and so could {}; keep one of the two",
            first.display()
        ),
    )
}
