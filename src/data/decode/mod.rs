//! Decoding an image file of any supported format to a [`Picture`], with limits that keep a hostile file
//! from taking all memory. A file that is not read is told by its right name.

mod bmp;
#[cfg(feature = "dicom")]
mod dicom;
mod gif;
mod jpeg;
#[cfg(feature = "nifti")]
mod nifti;
mod png;
mod tiff;
mod webp;

use std::cell::Cell;
use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Once;

use image::ImageError;
use image::metadata::Orientation;

use super::picture::{Page, Picture};
use crate::error::{Error, Result};
use crate::file_kind::FileKind;

/// The longest side of an image that is read or made, in pixels.
pub(crate) const LONGEST_SIDE: usize = 1 << 15;

/// The most pixels of an image that is read or made.
pub(crate) const MOST_PIXELS: usize = 1 << 26;

/// The most memory that one decoded image may take, in bytes: four 32-bit channels of as many pixels as may be.
const MOST_MEMORY: usize = 16 * MOST_PIXELS;

/// The largest file that is read, in bytes.
const LARGEST_FILE: u64 = 1 << 30;

/// What is wrong with a file, without its name.
type Decoded<T> = std::result::Result<T, String>;

/// A number of a picture that is to be another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Change {
    /// Which of the picture's samples it is.
    pub index: usize,
    /// What it becomes, as the file stores it.
    pub number: f64,
}

/// Decodes the file, whose format is told by its content and not by its name, and turns it as its EXIF
/// orientation says. `page` is the page or frame that is wanted, counted from 1; without it a file of several
/// is refused.
///
/// # Errors
/// If the file cannot be read, is of another kind, is damaged or too large, or has several pages and none is
/// wanted, or not this one.
pub(super) fn decode(path: &Path, page: Option<usize>) -> Result<Picture> {
    decode_as(path, &read(path)?, page)
}

/// Decodes what is, or could be, the content of the file `path`.
///
/// # Errors
/// Those of [`decode`].
pub(super) fn decode_as(path: &Path, file: &[u8], page: Option<usize>) -> Result<Picture> {
    silently(|| decode_bytes(file, page)).map_err(|problem| Error::file(path, one_line(&problem)))
}

/// The whole file.
///
/// # Errors
/// If it cannot be read, or is too large.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    read_file(path).map_err(|problem| Error::file(path, problem))
}

/// The content of a scan's file with these numbers changed, and `description` of how where the format has room for that.
///
/// # Errors
/// If it is of no format that is written.
pub(super) fn derived(
    path: &Path,
    file: &[u8],
    page: Option<usize>,
    changes: &[Change],
    description: &str,
) -> Result<Vec<u8>> {
    let derive = || match file {
        #[cfg(feature = "nifti")]
        _ if is_nifti(file) => nifti::derived(file, page, changes),
        #[cfg(feature = "dicom")]
        _ => dicom::derived(file, page, changes, description),
        #[cfg(not(feature = "dicom"))]
        _ => {
            let _ = (page, changes, description);
            Err("is of no format that is written".into())
        }
    };
    silently(derive).map_err(|problem| Error::file(path, one_line(&problem)))
}

/// Runs a decoder and makes its panic an error: a file must not be able to end the program.
fn silently<T>(decoder: impl FnOnce() -> Decoded<T>) -> Decoded<T> {
    thread_local! {
        static DECODING: Cell<bool> = const { Cell::new(false) };
    }
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !DECODING.get() {
                before(panic);
            }
        }));
    });
    DECODING.set(true);
    let decoded = catch_unwind(AssertUnwindSafe(decoder));
    DECODING.set(false);
    decoded.unwrap_or_else(|_| {
        Err("is laid out in a way that its decoder fails on; convert it to PNG, or to a plain TIFF without tiles".into())
    })
}

/// The whole file. What is no regular file (a pipe, a device) is refused before it is opened, as to open a pipe
/// waits for someone to write into it.
fn read_file(path: &Path) -> Decoded<Vec<u8>> {
    let unreadable = |cause: std::io::Error| match cause.kind() {
        std::io::ErrorKind::NotFound => "there is no such file; check the path".to_string(),
        std::io::ErrorKind::IsADirectory => "is a folder; name an image file".to_string(),
        _ => format!("cannot be read: {cause}"),
    };
    let kind = path.metadata().map_err(unreadable)?;
    if kind.is_dir() {
        return Err("is a folder; name an image file".into());
    }
    if !kind.is_file() {
        return Err("is a pipe or a device, not a file; write the image to a file and name that".into());
    }
    if kind.len() > LARGEST_FILE {
        return Err(format!(
            "has {} MiB, and files up to {} MiB are read; cut or scale the image down first",
            kind.len() >> 20,
            LARGEST_FILE >> 20
        ));
    }
    let mut file = Vec::with_capacity(kind.len() as usize);
    File::open(path)
        .and_then(|opened| opened.take(LARGEST_FILE).read_to_end(&mut file))
        .map_err(unreadable)?;
    Ok(file)
}

fn decode_bytes(file: &[u8], wanted_page: Option<usize>) -> Decoded<Picture> {
    match file {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', ..] => png::decode(file, wanted_page),
        [0xff, 0xd8, 0xff, ..] => jpeg::decode(file, wanted_page),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => tiff::decode(file, wanted_page),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => gif::decode(file, wanted_page),
        [b'B', b'M', ..] => bmp::decode(file, wanted_page),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => webp::decode(file, wanted_page),
        #[cfg(feature = "nifti")]
        _ if is_nifti(file) => nifti::decode(file, wanted_page),
        #[cfg(feature = "dicom")]
        _ if FileKind::recognise(file) == Some(FileKind::Dicom) => dicom::decode(file, wanted_page),
        _ => Err(foreign(file)),
    }
}

#[cfg(feature = "nifti")]
fn is_nifti(file: &[u8]) -> bool {
    FileKind::recognise(file) == Some(FileKind::Nifti)
        || (file.starts_with(b"\x1f\x8b") && nifti::is_within_gzip(file))
}

/// The orientation that a file's EXIF block says, with or without the mark that JPEG puts before it.
fn orientation_of(exif: &[u8]) -> Orientation {
    let block = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    Orientation::from_exif_chunk(block).unwrap_or(Orientation::NoTransforms)
}

/// What to say of a file that holds no image of a format that is read.
fn foreign(file: &[u8]) -> String {
    let Some(kind) = FileKind::recognise(file) else {
        return "does not hold an image by its content; give a PNG, TIFF, BMP or GIF file, or for a photograph \
                JPEG or WebP"
            .into();
    };
    let advice = match kind {
        FileKind::Empty => "get the file again",
        FileKind::LfsPointer => "fetch the file itself with `git lfs pull`",
        FileKind::Zeros => "the copy or download was not finished, get it again",
        FileKind::Html | FileKind::Json { .. } | FileKind::Text(_) => {
            "a download may have ended at a page instead of the file; get the image itself"
        }
        FileKind::Dicom => {
            "this asma was built without DICOM: build it with the feature `dicom`, or export the image to PNG or TIFF"
        }
        FileKind::Nifti => {
            "this asma was built without NIfTI: build it with the feature `nifti`, or save the slice that is meant as PNG or TIFF"
        }
        FileKind::Gzip if cfg!(not(feature = "nifti")) => {
            "if it is a .nii.gz: this asma was built without NIfTI, build it with the feature `nifti`"
        }
        FileKind::Gzip => "unpack it; only NIfTI volumes (.nii.gz) are read packed",
        FileKind::Volume(_) => "save the slice that is meant as PNG or TIFF",
        FileKind::Safetensors => "of an image or labels in it, name the tensor: FILE.safetensors:NAME",
        FileKind::PyTorch | FileKind::TorchScript | FileKind::Onnx => "name an image here",
        _ => "convert it to PNG or TIFF",
    };
    match kind {
        FileKind::Empty => format!("is empty (0 bytes); {advice}"),
        FileKind::Other(name) => format!("is {name}, which is not read; {advice}"),
        FileKind::Volume(name) => format!("is {name}, which is not read; {advice}"),
        kind => format!("is {kind}, no image; {advice}"),
    }
}

/// Refuses a picture that is too large, before any of it is decoded.
fn check_size(width: u64, height: u64) -> Decoded<()> {
    if width == 0 || height == 0 {
        return Err(format!(
            "is {width}×{height} pixels, so there is nothing in it; get the file again"
        ));
    }
    if width.max(height) > LONGEST_SIDE as u64 || width * height > MOST_PIXELS as u64 {
        return Err(format!(
            "is {width}×{height} pixels ({:.1} megapixels); images up to {LONGEST_SIDE} pixels a side and {:.1} \
             megapixels are read; cut or scale it down first",
            width.saturating_mul(height) as f64 / 1e6,
            MOST_PIXELS as f64 / 1e6
        ));
    }
    Ok(())
}

/// The page that is taken of `count`, counted from 0; `what` they are and `hint` go into the refusal.
fn chosen(
    wanted_page: Option<usize>,
    count: usize,
    what: &str,
    hint: &str,
) -> Decoded<(usize, Option<Page>)> {
    match wanted_page {
        Some(0) => Err(format!(
            "holds {count} {what}, so there is no `page=0`; count from 1"
        )),
        // A file of one page is that page, whichever is asked of others beside it.
        _ if count <= 1 => Ok((0, None)),
        None => Err(format!(
            "holds {count} {what}, and which one is meant is not said; name it by `page=1` to `page={count}`{hint}"
        )),
        Some(number) if number <= count => Ok((number - 1, Some(Page { number, count }))),
        Some(number) => Err(format!(
            "holds {count} {what}, so there is no `page={number}`; count from 1"
        )),
    }
}

fn damaged(cause: impl Display) -> String {
    format!("cannot be decoded: {cause}; the file is damaged or cut short, get it again")
}

fn unsupported(what: impl Display) -> String {
    format!("{what}, which is not read; convert it to PNG or to a plain TIFF of 8 or 16 bits")
}

fn too_much_memory() -> String {
    format!(
        "needs more than {} MiB to decode; cut or scale it down first",
        MOST_MEMORY >> 20
    )
}

/// What an error of the image crate means for the file.
fn refusal(cause: &ImageError) -> String {
    match cause {
        ImageError::Unsupported(_) => unsupported(format!("cannot be decoded: {cause}")),
        ImageError::Limits(_) => too_much_memory(),
        _ => damaged(cause),
    }
}

/// Rows of samples of 1, 2 or 4 bits, each row beginning at a byte, as one byte a sample.
fn unpack(packed: &[u8], row_samples: usize, bits: u8) -> Vec<u8> {
    let row_bytes = (row_samples * usize::from(bits)).div_ceil(8);
    let in_byte = usize::from(8 / bits);
    let mask = (1u8 << bits) - 1;
    let sample = |row: &[u8], index: usize| {
        let shift = 8 - usize::from(bits) * (index % in_byte + 1);
        row.get(index / in_byte).map_or(0, |byte| (byte >> shift) & mask)
    };
    packed
        .chunks(row_bytes.max(1))
        .flat_map(|row| (0..row_samples).map(move |index| sample(row, index)))
        .collect()
}

/// Decoders break some messages over lines; an error of this library is one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
