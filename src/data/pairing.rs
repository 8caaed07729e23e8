//! Which mask belongs to which image: by their file names, with the conventions that data sets are published in.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization;

use crate::error::{Error, Result};

/// Files with these endings are images or masks, in capitals or not.
const EXTENSIONS: [&str; 12] = [
    "png", "jpg", "jpeg", "tif", "tiff", "bmp", "gif", "webp", "dcm", "dicom", "nii", "nii.gz",
];

/// What a mask's name may have after its image's name, in capitals or not.
const MASK_SUFFIXES: [&str; 18] = [
    "_mask",
    "_masks",
    "_msk",
    "_anno",
    "_segmentation",
    "_seg",
    "_label",
    "_labels",
    "_gt",
    "_lesion",
    "_manual1",
    "_annotation",
    "_groundtruth",
    "-mask",
    "-seg",
    "-label",
    ".mask",
    "_m",
];

/// What a mask's name may have before what it shares with its image's.
const MASK_PREFIXES: [&str; 9] = [
    "mask_",
    "masks_",
    "label_",
    "labels_",
    "seg_",
    "segmentation_",
    "gt_",
    "mask-",
    "mask",
];

/// What an image's name may have after what it shares with its mask's: nnU-Net's number of the channel, and others.
const IMAGE_SUFFIXES: [&str; 8] = [
    "_0000",
    "_leftImg8bit",
    "_image",
    "_img",
    "_rgb",
    "_sat",
    "_training",
    "_test",
];

/// What an image's name may have before what it shares with its mask's.
const IMAGE_PREFIXES: [&str; 7] = ["image_", "images_", "img_", "im_", "image-", "img-", "image"];

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
    /// Images with their masks, by ascending file; at least one.
    pub pairs: Vec<PairPaths>,
    /// Every image file that has no partner, in ascending order.
    pub unpaired: Vec<PathBuf>,
}

/// How a mask is called after its image, where the user says so: `prefix`, the image's name, `suffix`, and then
/// whatever ending. Without a rule the common conventions are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameRule {
    /// What stands before the image's name.
    pub prefix: Option<String>,
    /// What stands after it.
    pub suffix: Option<String>,
}

impl NameRule {
    fn is_given(&self) -> bool {
        self.prefix.is_some() || self.suffix.is_some()
    }

    /// What is left of a mask's name without prefix and suffix.
    fn strip<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        let name = strip_prefix(name, self.prefix.as_deref().unwrap_or_default())?;
        strip_suffix(name, self.suffix.as_deref().unwrap_or_default())
    }

    /// Whether a file is a mask by its name alone.
    fn marks(&self, name: &[u8]) -> bool {
        if self.is_given() {
            return self.strip(name).is_some();
        }
        MASK_SUFFIXES
            .iter()
            .any(|suffix| strip_suffix(name, suffix).is_some())
            || MASK_PREFIXES
                .iter()
                .any(|prefix| prefix.len() > 4 && strip_prefix(name, prefix).is_some())
    }

    /// The names that an image of a mask of this name may go by, the likeliest first.
    fn forms_of_mask(&self, name: &[u8]) -> Vec<Name> {
        if self.is_given() {
            return self.strip(name).map(<[u8]>::to_vec).into_iter().collect();
        }
        let mut forms = vec![name.to_vec()];
        // 0.jpg.png is the mask of 0.jpg.
        let ending = EXTENSIONS
            .iter()
            .find_map(|ending| strip_suffix(name, &format!(".{ending}")));
        let name = ending.unwrap_or(name);
        forms.extend(ending.map(<[u8]>::to_vec));
        forms.extend(without_each(name, &MASK_SUFFIXES, strip_suffix));
        forms.extend(without_each(name, &MASK_PREFIXES, strip_prefix));
        forms
    }
}

/// The names that the mask of an image of this name may go by, the likeliest first.
fn forms_of_image(name: &[u8]) -> Vec<Name> {
    let suffixes = without_each(name, &IMAGE_SUFFIXES, strip_suffix);
    let prefixes = without_each(name, &IMAGE_PREFIXES, strip_prefix);
    std::iter::once(name.to_vec())
        .chain(suffixes)
        .chain(prefixes)
        .collect()
}

/// What is left of a name without each of these of its parts that it has.
fn without_each<'a>(
    name: &'a [u8],
    parts: &'a [&str],
    strip: impl Fn(&'a [u8], &str) -> Option<&'a [u8]> + 'a,
) -> impl Iterator<Item = Name> + 'a {
    parts
        .iter()
        .filter_map(move |part| strip(name, part))
        .map(<[u8]>::to_vec)
}

/// Pairs the images of one folder with the masks of another by their names, whatever their endings: the same name;
/// the mask's with `_mask`, `_segmentation`, `_lesion` and the like after it, `mask_` before it, or the image's whole
/// name with its ending (`0.jpg.png`); the image's with nnU-Net's `_0000` after it or `image_` before it. Names that
/// differ in capitals or in how accents are written count as the same where none is nearer. Where both folders are the
/// same one, the masks are the files that are called so. Folders inside, hidden files and files of other endings are
/// left out.
///
/// # Errors
/// If one of the folders does not exist, cannot be read or holds no image file, if no image has a mask, or if
/// two files could be the image or the mask of one pair.
pub fn pair_by_name(images: impl AsRef<Path>, masks: impl AsRef<Path>, rule: &NameRule) -> Result<Pairing> {
    let (images, masks) = (images.as_ref(), masks.as_ref());
    let same_folder = is_same_folder(images, masks);
    let (image_files, mask_files): (Vec<_>, Vec<_>) = match same_folder {
        true => image_files(images)?
            .into_iter()
            .partition(|path| !rule.marks(stem(path))),
        false => (image_files(images)?, image_files(masks)?),
    };
    let image_forms: Vec<Vec<Name>> = image_files
        .iter()
        .map(|path| forms_of_image(stem(path)))
        .collect();
    let index = Index::new(&image_forms);
    let mut masks_of: Vec<Vec<&Path>> = vec![Vec::new(); image_files.len()];
    let mut unpaired = Vec::new();
    for mask in &mask_files {
        match index.nearest(&rule.forms_of_mask(stem(mask)))[..] {
            [] => unpaired.push(mask.clone()),
            [image] => masks_of[image].push(mask),
            [first, second, ..] => {
                return Err(ambiguous(
                    &image_files[first],
                    &image_files[second],
                    "image",
                    mask,
                ));
            }
        }
    }
    let mut pairs = Vec::new();
    for (image, masks) in image_files.iter().zip(masks_of) {
        match masks[..] {
            [] => unpaired.push(image.clone()),
            [mask] => pairs.push(PairPaths {
                name: String::from_utf8_lossy(stem(image)).into_owned(),
                image: image.clone(),
                mask: mask.to_path_buf(),
            }),
            [first, second, ..] => return Err(ambiguous(first, second, "mask", image)),
        }
    }
    if pairs.is_empty() {
        return Err(no_pairs(
            images,
            masks,
            same_folder,
            &image_files,
            &mask_files,
            rule,
        ));
    }
    unpaired.sort();
    Ok(Pairing { pairs, unpaired })
}

/// The bytes of a name, which need not be text.
type Name = Vec<u8>;

/// For each name of an image: how far it is from the file's own, and which image.
type Images = HashMap<Name, Vec<(usize, usize)>>;

/// How alike two names have to be: equal bytes, equal text however its accents are written, or but for capitals.
const FOLDS: [fn(&[u8]) -> Name; 3] = [<[u8]>::to_vec, composed, folded];

/// Images by all the names that their masks may go by.
struct Index {
    /// For each fold.
    names: [Images; 3],
}

impl Index {
    fn new(forms: &[Vec<Name>]) -> Index {
        let names = FOLDS.map(|fold| {
            let mut names = Images::new();
            for (image, forms) in forms.iter().enumerate() {
                for (distance, form) in forms.iter().enumerate() {
                    names.entry(fold(form)).or_default().push((distance, image));
                }
            }
            names
        });
        Index { names }
    }

    /// The images whose names are nearest to these of a mask, its own first; several where they are equally near.
    fn nearest(&self, forms: &[Name]) -> Vec<usize> {
        for (fold, names) in FOLDS.iter().zip(&self.names) {
            let mut found: Vec<(usize, usize)> = Vec::new();
            for (distance, form) in forms.iter().enumerate() {
                let images = names.get(&fold(form)).into_iter().flatten();
                // Any change of one name is as far as any other; changes of both are further.
                found.extend(images.map(|&(other, image)| (distance.min(1) + other.min(1), image)));
            }
            if let Some(least) = found.iter().map(|&(distance, _)| distance).min() {
                let nearest = found.into_iter().filter(|&(distance, _)| distance == least);
                let mut nearest: Vec<usize> = nearest.map(|(_, image)| image).collect();
                nearest.sort_unstable();
                nearest.dedup();
                return nearest;
            }
        }
        Vec::new()
    }
}

/// Accents as one character with their letter, which file systems and archives write in two ways.
fn composed(name: &[u8]) -> Name {
    match std::str::from_utf8(name) {
        Ok(text) => text.nfc().collect::<String>().into_bytes(),
        Err(_) => name.to_vec(),
    }
}

fn folded(name: &[u8]) -> Name {
    match std::str::from_utf8(name) {
        Ok(text) => text.nfc().collect::<String>().to_lowercase().into_bytes(),
        Err(_) => name.to_ascii_lowercase(),
    }
}

/// The image files in a folder, in ascending order: those of the endings that are known, without hidden ones and folders.
///
/// # Errors
/// If the folder does not exist, cannot be read or holds no image file.
pub fn image_files(folder: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    let folder = folder.as_ref();
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
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    !hidden && ending(path).is_some_and(|ending| EXTENSIONS.contains(&ending.as_str()))
}

fn is_same_folder(first: &Path, second: &Path) -> bool {
    match (fs::canonicalize(first), fs::canonicalize(second)) {
        (Ok(first), Ok(second)) => first == second,
        // Whatever keeps one of them from being found is told when it is read.
        _ => false,
    }
}

/// The ending of a file name in small letters: what is behind its last dot, and `nii.gz` as one.
fn ending(path: &Path) -> Option<String> {
    let ending = path.extension()?.to_string_lossy().to_lowercase();
    match ending == "gz" && strip_suffix(path.file_name()?.as_encoded_bytes(), ".nii.gz").is_some() {
        true => Some("nii.gz".into()),
        false => Some(ending),
    }
}

/// The bytes of the file name without its ending: names need not be text.
fn stem(path: &Path) -> &[u8] {
    let stem = path.file_stem().unwrap_or_default().as_encoded_bytes();
    match ending(path).as_deref() {
        Some("nii.gz") => strip_suffix(stem, ".nii").unwrap_or(stem),
        _ => stem,
    }
}

/// The name without this behind it, in capitals or not; nothing if nothing is left.
fn strip_suffix<'a>(name: &'a [u8], suffix: &str) -> Option<&'a [u8]> {
    let length = name
        .len()
        .checked_sub(suffix.len())
        .filter(|&length| length > 0)?;
    let (rest, end) = name.split_at(length);
    end.eq_ignore_ascii_case(suffix.as_bytes()).then_some(rest)
}

/// The name without this before it, in capitals or not; nothing if nothing is left.
fn strip_prefix<'a>(name: &'a [u8], prefix: &str) -> Option<&'a [u8]> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    (!rest.is_empty() && start.eq_ignore_ascii_case(prefix.as_bytes())).then_some(rest)
}

fn ambiguous(first: &Path, second: &Path, role: &str, other: &Path) -> Error {
    Error::file(
        second,
        format!(
            "could be the {role} of {}, and so could {}; keep one of the two, or say how masks are called by \
             `mask-suffix` or `mask-prefix`",
            other.display(),
            first.display()
        ),
    )
}

/// What to say where nothing pairs: an example of each side, and the rule that their names suggest.
fn no_pairs(
    images: &Path,
    masks: &Path,
    same_folder: bool,
    image_files: &[PathBuf],
    mask_files: &[PathBuf],
    rule: &NameRule,
) -> Error {
    let example = |files: &[PathBuf]| {
        files
            .first()
            .map_or("none".into(), |path| path.display().to_string())
    };
    let asked = match (&rule.prefix, &rule.suffix) {
        (None, None) => String::new(),
        (prefix, suffix) => format!(
            " whose mask is called {}NAME{}",
            prefix.as_deref().unwrap_or_default(),
            suffix.as_deref().unwrap_or_default()
        ),
    };
    let advice = match suggestion(image_files, mask_files) {
        Some(option) => format!("their names suggest {option}"),
        None => "say what a mask's name has behind its image's by `mask-suffix`, or before it by `mask-prefix`, or \
                 call masks like their images"
            .to_string(),
    };
    let problem = match same_folder {
        true => format!(
            "holds {} images, such as {}, and {} masks, such as {}, and none belongs to another{asked}; {advice}, or put \
             the masks into a folder of their own",
            image_files.len(),
            example(image_files),
            mask_files.len(),
            example(mask_files)
        ),
        false => format!(
            "holds no mask for any of the {} images in {}{asked}: images are called such as {}, masks such as {}; {advice}",
            image_files.len(),
            images.display(),
            example(image_files),
            example(mask_files)
        ),
    };
    Error::file(masks, problem)
}

/// The options under which a mask belongs to an image, if the name of one is in that of the other.
fn suggestion(images: &[PathBuf], masks: &[PathBuf]) -> Option<String> {
    let mask = masks.first()?;
    let mask = std::str::from_utf8(stem(mask)).ok()?;
    let names = images
        .iter()
        .filter_map(|image| std::str::from_utf8(stem(image)).ok());
    let within = names.filter(|name| mask.len() > name.len() && mask.contains(name));
    let longest = within.max_by_key(|name| name.len())?;
    let (prefix, suffix) = mask.split_once(longest)?;
    let options = [("mask-prefix", prefix), ("mask-suffix", suffix)];
    let options = options.iter().filter(|(_, text)| !text.is_empty());
    Some(
        options
            .map(|(option, text)| format!("`{option}={text}`"))
            .collect::<Vec<_>>()
            .join(" and "),
    )
}
