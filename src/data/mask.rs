//! Mask files: greyscale pictures that state each pixel's class.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder};

use super::decode::decode;
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::labels::{IGNORE, LabelMap};

/// A grey value above this is foreground in a mask with soft edges.
const FOREGROUND_ABOVE: u8 = 20;

const WANTED: &str = "a mask is greyscale, each value a class index, or black and white; convert it";

/// A black and white mask reaches at least this somewhere; darker values alone are mistaken class indices.
const WHITE_FROM: u8 = 128;

/// What the grey values of a mask mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskEncoding {
    /// Black is background and white is foreground, maybe with soft edges: above 20 is class 1.
    Binary,
    /// The value is the class, and 255 is ignore.
    ClassIndices,
}

impl MaskEncoding {
    /// Tells the encoding from the values that occur in a mask for `class_count` classes:
    ///
    /// 1. Values that are all below the class count are class indices. 255 beside them is *ignore*, but
    ///    only where another index than 0 occurs too: a mask of nothing but 0 and 255 (or 255 alone) is
    ///    black and white.
    /// 2. Any other values are a black and white mask with soft edges, if there are two classes and one of
    ///    the values is at least 128.
    /// 3. Else they mean nothing, and the answer is `None`.
    ///
    /// One class means a network with one channel, which separates two.
    pub fn of_values(values: &BTreeSet<u8>, class_count: usize) -> Option<Self> {
        let class_count = class_count.max(2);
        let indices = values
            .iter()
            .all(|&value| usize::from(value) < class_count || value == IGNORE);
        let black_and_white =
            values.contains(&IGNORE) && values.iter().all(|&value| value == 0 || value == IGNORE);
        if indices && !black_and_white {
            Some(MaskEncoding::ClassIndices)
        } else if class_count == 2 && values.last().is_some_and(|&value| value >= WHITE_FROM) {
            Some(MaskEncoding::Binary)
        } else {
            None
        }
    }
}

/// Reads a mask for a network of `class_count` classes, telling the encoding as
/// [`MaskEncoding::of_values`] does. The file is greyscale, or RGB with three equal channels; transparency
/// is dropped.
///
/// # Errors
/// If the file cannot be decoded, is in colour, has a palette, or holds values that fit no encoding.
pub fn read_mask(path: impl AsRef<Path>, class_count: usize) -> Result<LabelMap> {
    let path = path.as_ref();
    let mask = read_grey(path, class_count)?;
    match MaskEncoding::of_values(&values_of(&mask), class_count) {
        Some(encoding) => to_labels(path, mask, class_count, encoding),
        None => Err(misfit(path, &mask, class_count)),
    }
}

/// Reads a mask whose encoding is known.
///
/// # Errors
/// If the file cannot be decoded, is in colour, has a palette, or holds class indices out of range.
pub fn read_mask_as(path: impl AsRef<Path>, class_count: usize, encoding: MaskEncoding) -> Result<LabelMap> {
    let path = path.as_ref();
    let mask = read_grey(path, class_count)?;
    to_labels(path, mask, class_count, encoding)
}

/// What the values of one mask tell about how the masks of its data set are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Nothing: there is background alone.
    None,
    /// A black and white mask with soft edges.
    Grey,
    /// 0 and 255, or 255 alone: black and white, or background and pixels to ignore.
    ZeroAnd255,
    /// Class indices, without 255.
    Indices,
    /// Class indices, and 255 beside them.
    IndicesAnd255,
}

/// What the mask in a file tells about the encoding.
///
/// # Errors
/// As [`read_mask`].
pub(super) fn evidence(path: &Path, class_count: usize) -> Result<Evidence> {
    let mask = read_grey(path, class_count)?;
    let values = values_of(&mask);
    let ignored = values.contains(&IGNORE);
    let index = values.iter().any(|&value| value > 0 && value != IGNORE);
    match MaskEncoding::of_values(&values, class_count) {
        _ if ignored && !index => Ok(Evidence::ZeroAnd255),
        _ if !index => Ok(Evidence::None),
        Some(MaskEncoding::Binary) => Ok(Evidence::Grey),
        Some(MaskEncoding::ClassIndices) if ignored => Ok(Evidence::IndicesAnd255),
        Some(MaskEncoding::ClassIndices) => Ok(Evidence::Indices),
        None => Err(misfit(path, &mask, class_count)),
    }
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
                 background or ignored; give a mask with a foreground there",
                mask.height(),
                mask.width()
            ),
        ));
    }
    Ok(())
}

fn to_labels(path: &Path, mask: LabelMap, class_count: usize, encoding: MaskEncoding) -> Result<LabelMap> {
    let (height, width) = (mask.height(), mask.width());
    match encoding {
        MaskEncoding::Binary => {
            let labels = mask.into_labels();
            let labels = labels.into_iter().map(|value| u8::from(value > FOREGROUND_ABOVE));
            LabelMap::new(height, width, labels.collect())
        }
        MaskEncoding::ClassIndices => match mask.largest_class() {
            Some(class) if usize::from(class) >= class_count.max(2) => Err(misfit(path, &mask, class_count)),
            _ => Ok(mask),
        },
    }
}

/// The grey values of the file, in the shape of a label map.
fn read_grey(path: &Path, class_count: usize) -> Result<LabelMap> {
    let picture = decode(path)?;
    let header = png_header(path)?;
    if header.is_some_and(|header| header.has_palette()) {
        let colours: BTreeSet<_> = picture.to_rgb8().pixels().map(|pixel| pixel.0).collect();
        return Err(Error::file(
            path,
            format!("is a palette picture of {} colours; {WANTED}", colours.len()),
        ));
    }
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut grey = match picture {
        DynamicImage::ImageLuma8(grey) => grey.into_raw(),
        DynamicImage::ImageLumaA8(grey) => grey.pixels().map(|pixel| pixel.0[0]).collect(),
        DynamicImage::ImageRgb8(colours) => {
            equal_channels(path, colours.pixels().map(|pixel| pixel.0), width)?
        }
        DynamicImage::ImageRgba8(colours) => {
            let opaque = colours.pixels().map(|pixel| {
                let [red, green, blue, _] = pixel.0;
                [red, green, blue]
            });
            equal_channels(path, opaque, width)?
        }
        DynamicImage::ImageLuma16(grey) => narrow(path, grey.as_raw())?,
        DynamicImage::ImageLumaA16(grey) => {
            let grey: Vec<u16> = grey.pixels().map(|pixel| pixel.0[0]).collect();
            narrow(path, &grey)?
        }
        other => {
            return Err(Error::file(
                path,
                format!("has {:?} pixels; {WANTED} to 8 bits", other.color()),
            ));
        }
    };
    // The decoder stretches 2- and 4-bit greys to 0 to 255; class indices need the numbers as stored.
    if let Some(step) = header.and_then(PngHeader::grey_step)
        && grey
            .iter()
            .all(|&value| usize::from(value / step) < class_count.max(2))
    {
        grey.iter_mut().for_each(|value| *value /= step);
    }
    LabelMap::new(height, width, grey)
}

/// The grey of pixels that are red, green and blue in row-major order.
fn equal_channels(path: &Path, pixels: impl Iterator<Item = [u8; 3]>, width: usize) -> Result<Vec<u8>> {
    pixels
        .enumerate()
        .map(|(index, [red, green, blue])| {
            if red == green && green == blue {
                return Ok(red);
            }
            let (row, column) = (index / width.max(1), index % width.max(1));
            Err(Error::file(
                path,
                format!(
                    "is a colour picture: the pixel in row {row}, column {column} is ({red}, {green}, {blue}); \
                     {WANTED}"
                ),
            ))
        })
        .collect()
}

/// 16-bit greys as 8-bit ones: small numbers as they are, or 8-bit greys that were stretched to 16 bits.
fn narrow(path: &Path, values: &[u16]) -> Result<Vec<u8>> {
    let divisor = if values.iter().all(|&value| value <= 255) {
        1
    } else if values.iter().all(|&value| value % 257 == 0) {
        257
    } else {
        let largest = values.iter().max().copied().unwrap_or(0);
        return Err(Error::file(
            path,
            format!("is a 16-bit mask with values up to {largest}; save it with 8 bits"),
        ));
    };
    Ok(values.iter().map(|&value| (value / divisor) as u8).collect())
}

fn values_of(mask: &LabelMap) -> BTreeSet<u8> {
    mask.labels().iter().copied().collect()
}

fn misfit(path: &Path, mask: &LabelMap, class_count: usize) -> Error {
    let values = values_of(mask);
    let mut found: Vec<_> = values.iter().take(8).map(u8::to_string).collect();
    if values.len() > found.len() {
        found.push(format!("… up to {}", values.last().copied().unwrap_or(0)));
    }
    let last = class_count.max(2) - 1;
    let black_and_white = match last {
        1 => ", or black and white",
        _ => "",
    };
    Error::file(
        path,
        format!(
            "holds the grey values {}; wanted are the class indices 0 to {last} (and 255 for pixels to \
             ignore){black_and_white}; save the mask with one of these values in each pixel",
            found.join(", ")
        ),
    )
}

/// How a PNG file stores its pixels, which the decoder does not tell.
#[derive(Clone, Copy)]
struct PngHeader {
    bit_depth: u8,
    colour_type: u8,
}

impl PngHeader {
    fn has_palette(self) -> bool {
        self.colour_type == 3
    }

    /// What a step of one in a stored grey becomes after decoding, where that is not one.
    fn grey_step(self) -> Option<u8> {
        match (self.colour_type, self.bit_depth) {
            (0, 2) => Some(85),
            (0, 4) => Some(17),
            _ => None,
        }
    }
}

/// The header of a PNG file; nothing for files of another format.
fn png_header(path: &Path) -> Result<Option<PngHeader>> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(26).read_to_end(&mut start))
        .map_err(|cause| Error::file(path, format!("cannot be read: {cause}")))?;
    // Signature (8 bytes), length and name of the header chunk (8), width and height (8), then these two.
    match start.as_slice() {
        [0x89, b'P', b'N', b'G', .., bit_depth, colour_type] if start.len() == 26 => Ok(Some(PngHeader {
            bit_depth: *bit_depth,
            colour_type: *colour_type,
        })),
        _ => Ok(None),
    }
}
