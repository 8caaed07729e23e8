//! Decoding an image file of any supported format, with limits that keep a hostile file from taking all
//! memory.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::{DynamicImage, ImageError, ImageFormat, ImageReader, Limits};

use crate::error::{Error, Result};

/// The longest side of an image that is read, in pixels.
pub(crate) const LONGEST_SIDE: usize = 1 << 15;

/// The most memory that one decoded image may take, in bytes.
const MOST_MEMORY: u64 = 1 << 30;

const FORMATS: &str = "PNG, JPEG, TIFF, BMP or WebP";

/// Decodes the file, whose format is told by its content and not by its name. Pixels come in the order
/// they are stored in: an orientation in the metadata is not applied, as masks carry none.
pub(super) fn decode(path: &Path) -> Result<DynamicImage> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = open(path)?;
    reader.limits(limits.clone());
    let (width, height) = reader.into_dimensions().map_err(|cause| refusal(path, &cause))?;
    let too_long = width.max(height) as usize > LONGEST_SIDE;
    // Four channels of 32-bit floats are the most that a pixel is expanded to.
    if too_long || u64::from(width) * u64::from(height) > MOST_MEMORY / 16 {
        return Err(Error::file(
            path,
            format!(
                "is {width}×{height} pixels; images up to {LONGEST_SIDE} pixels a side and {} megapixels \
                 are read; cut or scale it down first",
                MOST_MEMORY / 16 / 1_000_000
            ),
        ));
    }
    let mut reader = open(path)?;
    reader.limits(limits);
    reader.decode().map_err(|cause| refusal(path, &cause))
}

fn open(path: &Path) -> Result<ImageReader<BufReader<File>>> {
    let unreadable = |cause: std::io::Error| {
        let problem = match cause.kind() {
            std::io::ErrorKind::NotFound => "there is no such file; check the path".to_string(),
            std::io::ErrorKind::IsADirectory => "is a folder; name an image file".to_string(),
            _ => format!("cannot be read: {cause}"),
        };
        Error::file(path, problem)
    };
    let file = File::open(path).map_err(unreadable)?;
    let reader = ImageReader::new(BufReader::new(file))
        .with_guessed_format()
        .map_err(unreadable)?;
    match reader.format() {
        Some(
            ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Tiff | ImageFormat::Bmp | ImageFormat::WebP,
        ) => Ok(reader),
        // Also where the image crate could decode it: a GIF is an animation, and this would be its first frame.
        Some(format) => Err(Error::file(
            path,
            format!(
                "is a {} file; convert it to {FORMATS}",
                format!("{format:?}").to_uppercase()
            ),
        )),
        None => Err(Error::file(
            path,
            format!("does not hold an image by its content; give a {FORMATS} file"),
        )),
    }
}

fn refusal(path: &Path, cause: &ImageError) -> Error {
    let problem = match cause {
        ImageError::Unsupported(_) => format!("cannot be decoded: {cause}; convert it to {FORMATS}"),
        ImageError::Limits(_) => {
            format!(
                "needs more than {} MiB to decode; cut or scale it down first",
                MOST_MEMORY >> 20
            )
        }
        _ => format!("cannot be decoded: {cause}; the file is damaged or cut short, get it again"),
    };
    // Decoders break some messages over lines; an error of this library is one line.
    Error::file(path, problem.split_whitespace().collect::<Vec<_>>().join(" "))
}
