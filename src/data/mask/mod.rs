//! Mask files: pictures that state each pixel's class. Their numbers are understood, or refused with what was
//! found and the option that says what they mean.

mod evidence;
mod instances;
mod levels;
mod reading;
mod soft_edges;
mod values;

use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

pub(super) use self::evidence::Evidence;
use self::levels::{Levels, Source};
pub(super) use self::reading::common;
use self::reading::mapped;
pub use self::reading::{HALF, MaskOptions, MaskReading};
pub use self::values::MaskValues;
use super::decode::decode;
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::labels::{IGNORE, LabelMap};

/// A mask as it was read.
#[derive(Clone, Debug)]
pub struct Mask {
    /// The class of each pixel.
    pub labels: LabelMap,
    /// What was read, in one line: size, format, bits, and how its values were read.
    pub description: String,
}

/// Reads a mask for a network of `class_count` classes; one class means a network with one channel, which
/// separates two. Numbers below the class count are class indices and 255 beside them is *ignore*; for two classes
/// two numbers, or two main ones with soft edges between them, are background and foreground. Greys in a palette
/// count as greys, other palettes by their indices. The mask is turned upright as its EXIF orientation says.
///
/// # Errors
/// If the file cannot be decoded, or its values fit none of that.
pub fn read_mask(path: impl AsRef<Path>, class_count: usize) -> Result<LabelMap> {
    Ok(open_mask(path, class_count, &MaskOptions::default())?.labels)
}

/// Reads a mask as [`read_mask`] does but where `options` say otherwise, and says how it was read.
///
/// # Errors
/// Those of [`read_mask`], and if an option does not fit the file or the classes.
pub fn open_mask(path: impl AsRef<Path>, class_count: usize, options: &MaskOptions) -> Result<Mask> {
    let path = path.as_ref();
    let (levels, picture) = read_levels(path, options)?;
    if let Some(reading) = &options.reading {
        return Ok(Mask {
            labels: reading.apply(path, &levels, class_count)?,
            description: format!("{picture}; {reading}"),
        });
    }
    let evidence = Evidence::of(&levels, class_count);
    let reading = common(&[(path, &evidence)], class_count, options)?;
    Ok(Mask {
        labels: reading.apply(path, &levels, class_count)?,
        description: format!("{picture}; {reading}{}", evidence.origin()),
    })
}

/// Reads a mask of which is known how it is read.
///
/// # Errors
/// If the file cannot be decoded, or holds a value that has no class.
pub fn read_mask_as(
    path: impl AsRef<Path>,
    class_count: usize,
    options: &MaskOptions,
    reading: &MaskReading,
) -> Result<LabelMap> {
    let path = path.as_ref();
    let (levels, _) = read_levels(path, options)?;
    reading.apply(path, &levels, class_count)
}

/// Whole numbers for rows and columns of pixels as classes: class indices and 255 for what is ignored, or what `options` say
/// that they mean.
///
/// # Errors
/// If a number has no class.
pub(super) fn of_numbers(
    path: &Path,
    [height, width]: [usize; 2],
    values: Vec<u16>,
    class_count: usize,
    options: &MaskOptions,
) -> Result<(LabelMap, MaskReading)> {
    let class_count = class_count.max(2);
    let reading = match &options.values {
        Some(values) => mapped(values, class_count)?,
        None => MaskReading::ClassIndices,
    };
    let strange = |&&value: &&u16| usize::from(value) >= class_count && value != u16::from(IGNORE);
    if options.values.is_none()
        && let Some(value) = values.iter().find(strange)
    {
        return Err(Error::file(
            path,
            format!(
                "holds {value}, and the network has classes 0 to {} (and 255 for pixels to ignore); say what the values \
                 mean, such as `mask-values=0:0,{value}:1`",
                class_count - 1
            ),
        ));
    }
    let levels = Levels {
        height,
        width,
        values,
        white: u16::from(u8::MAX),
        step: 1,
        lossy: false,
        source: Source::Grey,
    };
    Ok((reading.apply(path, &levels, class_count)?, reading))
}

/// What the mask in a file tells about how it is to be read.
///
/// # Errors
/// If the file cannot be decoded, or is in so many colours that it is no mask.
pub(super) fn evidence(path: &Path, class_count: usize, options: &MaskOptions) -> Result<Evidence> {
    Ok(Evidence::of(&read_levels(path, options)?.0, class_count))
}

/// The numbers in a file, and the picture that they stand in, in words.
fn read_levels(path: &Path, options: &MaskOptions) -> Result<(Levels, String)> {
    let picture = decode(path, options.page)?;
    Ok((Levels::of(path, &picture)?, picture.to_string()))
}

/// The share of each class in words, such as `class 0 85.1 %, class 1 14.9 %`; for two classes background and
/// foreground. Classes of which there is nothing are left out.
pub fn describe_shares(labels: &[&LabelMap], class_count: usize) -> String {
    let total: usize = labels.iter().map(|labels| labels.labels().len()).sum();
    let mut counts = [0usize; 256];
    for &label in labels.iter().flat_map(|labels| labels.labels()) {
        counts[usize::from(label)] += 1;
    }
    let name = |class: usize| match (class, class_count) {
        (class, _) if class == usize::from(IGNORE) => "ignored".to_string(),
        (0, ..=2) => "background".to_string(),
        (1, ..=2) => "foreground".to_string(),
        (class, _) => format!("class {class}"),
    };
    let present = counts.iter().enumerate().filter(|&(_, &count)| count > 0);
    let shares = present.map(|(class, &count)| {
        let percent = 100.0 * count as f64 / total.max(1) as f64;
        format!("{} {percent:.2} %", name(class))
    });
    shares.collect::<Vec<_>>().join(", ")
}

/// Writes a label map as a greyscale PNG of class indices, which [`read_mask`] reads again.
///
/// # Errors
/// If the file cannot be written.
pub fn write_mask(path: impl AsRef<Path>, labels: &LabelMap) -> Result<()> {
    let (width, height) = (labels.width() as u32, labels.height() as u32);
    write_atomically(path, |file| {
        PngEncoder::new(file)
            .write_image(labels.labels(), width, height, ExtendedColorType::L8)
            .map_err(std::io::Error::other)
    })
}

/// Checks that the mask read from `path` has a foreground: a pixel that is neither class 0 nor ignored.
/// The attack's target needs one.
///
/// # Errors
/// If it has none.
pub fn check_foreground(path: impl AsRef<Path>, mask: &LabelMap) -> Result<()> {
    if mask.largest_class().unwrap_or(0) == 0 {
        return Err(Error::file(
            path,
            format!(
                "has no foreground in the {} rows and {} columns that the network sees: every pixel is \
                 background or ignored; give a mask with a foreground there, or as target `class:0`",
                mask.height(),
                mask.width()
            ),
        ));
    }
    Ok(())
}
