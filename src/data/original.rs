//! The file that an image was read from, so that a changed image can go back into the user's own format: DICOM, NIfTI, and
//! PNG and TIFF of more than 8 bits.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use tiff::encoder::{TiffEncoder, colortype};

use super::decode::{Change, decode_as, derived, read};
use super::geometry::Crop;
use super::image::{ImageOptions, photograph};
use super::picture::{Channels, Picture, Samples};
use super::preprocess::Preparation;
use super::scaling::Scaling;
use crate::attack::Levels;
use crate::error::{Error, Result};
use crate::tensor::{Shape, Tensor};

/// The file that an image was read from, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Original {
    path: PathBuf,
    options: ImageOptions,
    preparation: Preparation,
    format: &'static str,
    levels: Option<Levels>,
    unwritable: Option<String>,
}

/// A file with a changed image in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rewritten {
    /// What it is called.
    pub name: &'static str,
    /// What it is, such as `DICOM, 12-bit grey`.
    pub format: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// The image in it as it is read from there and prepared for the network: 1×C×H×W in \[0, 1\].
    pub image: Tensor,
    /// How many of its numbers are not as they were.
    pub changed: usize,
}

impl Original {
    /// The names that rewritten files have.
    pub const NAMES: [&'static str; 5] = [
        "adversarial.dcm",
        "adversarial.nii",
        "adversarial.nii.gz",
        "adversarial_16_bits.png",
        "adversarial.tif",
    ];

    /// That of a picture, unless 8 bits keep as much as its own format.
    pub(super) fn of(
        path: &Path,
        picture: &Picture,
        options: &ImageOptions,
        preparation: &Preparation,
    ) -> Option<Original> {
        let deep = matches!(picture.samples, Samples::U16(_) | Samples::F32(_));
        if !(deep && matches!(picture.format, "PNG" | "TIFF") || matches!(picture.format, "DICOM" | "NIfTI"))
        {
            return None;
        }
        let (scaling, _) = Scaling::of(path, picture, options.white, options.window).ok()?;
        let kept = kept_part(picture, preparation);
        let resized = preparation
            .resize
            .is_some_and(|size| [size.height, size.width] != [kept.height, kept.width]);
        let with_alpha = matches!((picture.format, picture.channels), ("TIFF", Channels::GreyAlpha));
        let unwritable = if resized {
            Some(format!(
                "the image was scaled ({preparation}), and what was changed cannot be scaled back"
            ))
        } else if with_alpha {
            Some("greys with opacity are not written as TIFF".into())
        } else {
            None
        };
        Some(Original {
            path: path.to_path_buf(),
            options: *options,
            preparation: *preparation,
            format: picture.format,
            levels: scaling.levels(),
            unwritable,
        })
    }

    /// The name of its format.
    pub fn format(&self) -> &'static str {
        self.format
    }

    /// The values from 0 to 1 that the file can hold, if they are evenly spaced.
    pub fn levels(&self) -> Option<Levels> {
        self.levels
    }

    /// Why a changed image cannot go back into the file, if it cannot.
    pub fn unwritable(&self) -> Option<&str> {
        self.unwritable.as_deref()
    }

    /// The file with `image` in it, where that is not `source`, the prepared image as it was read. What becomes of a value is
    /// taken from `rounded`, which is `image` at levels that the file has. All that was cut off, and all that is not changed,
    /// stays to the last bit, also where it lies beyond what is black or white. `description` says what was done, for formats
    /// that have room for it.
    ///
    /// # Errors
    /// If the file cannot be read any more, or its image is not `source` any more.
    pub fn rewritten(
        &self,
        source: &Tensor,
        image: &Tensor,
        rounded: &Tensor,
        description: &str,
    ) -> Result<Rewritten> {
        let path = self.path.as_path();
        let page = self.options.page;
        let file = read(path)?;
        let picture = decode_as(path, &file, page)?;
        if self.prepared(&picture, source.shape().c)? != *source {
            return Err(Error::file(
                path,
                "has changed since it was read, so the adversarial image is not written in its format",
            ));
        }
        let (scaling, _) = Scaling::of(path, &picture, self.options.white, self.options.window)?;
        let changes = changes(&picture, &scaling, &self.preparation, [source, image, rounded]);
        let (name, bytes) = match self.format {
            "PNG" => (Original::NAMES[3], png(&with_changes(&picture, &changes))),
            "TIFF" => (Original::NAMES[4], tiff(&with_changes(&picture, &changes))),
            format => {
                let name = match (format, file.starts_with(b"\x1f\x8b")) {
                    ("DICOM", _) => Original::NAMES[0],
                    (_, false) => Original::NAMES[1],
                    (_, true) => Original::NAMES[2],
                };
                (name, Ok(derived(path, &file, page, &changes, description)?))
            }
        };
        let bytes = bytes
            .map_err(|cause| Error::file(path, format!("cannot be written with other pixels: {cause}")))?;
        let again = decode_as(path, &bytes, page)?;
        Ok(Rewritten {
            name,
            format: again.to_string(),
            image: self.prepared(&again, source.shape().c)?,
            bytes,
            changed: changes.len(),
        })
    }

    /// A picture as the network is given it.
    fn prepared(&self, picture: &Picture, channels: usize) -> Result<Tensor> {
        let image = photograph(&self.path, picture, &self.options)?.image;
        let image = match channels {
            // All three are the same.
            1 => Tensor::new(
                Shape {
                    c: 1,
                    ..image.shape()
                },
                image.plane(0, 0).to_vec(),
            )?,
            _ => image,
        };
        self.preparation.apply_image(&image)
    }
}

/// The part of a picture that is not cut off.
fn kept_part(picture: &Picture, preparation: &Preparation) -> Crop {
    preparation.crop.unwrap_or(Crop {
        x: 0,
        y: 0,
        width: picture.width,
        height: picture.height,
    })
}

/// The numbers of a picture that are to be others.
fn changes(
    picture: &Picture,
    scaling: &Scaling,
    preparation: &Preparation,
    [source, image, rounded]: [&Tensor; 3],
) -> Vec<Change> {
    let part = kept_part(picture, preparation);
    let border = preparation.padding.map_or(0, |padding| padding.pixels);
    let samples = picture.channels.count();
    let colours = match picture.channels {
        Channels::Grey | Channels::GreyAlpha => 1,
        Channels::Rgb | Channels::RgbAlpha => 3,
    };
    let mut changes = Vec::new();
    for (row, column) in (0..part.height).flat_map(|row| (0..part.width).map(move |column| (row, column))) {
        let [y, x] = [row + border, column + border];
        for colour in 0..colours {
            let plane = colour.min(source.shape().c - 1);
            if image.at(0, plane, y, x) == source.at(0, plane, y, x) {
                continue;
            }
            let index = ((part.y + row) * picture.width + part.x + column) * samples + colour;
            let before = picture.number(index);
            let number = scaling.stored(rounded.at(0, plane, y, x));
            // What was beyond black or white, and stays so, keeps its number.
            if scaling.level(number) != scaling.level(before) {
                changes.push(Change { index, number });
            }
        }
    }
    changes
}

fn with_changes(picture: &Picture, changes: &[Change]) -> Picture {
    let mut picture = picture.clone();
    for &Change { index, number } in changes {
        match &mut picture.samples {
            Samples::U8(samples) => samples[index] = number as u8,
            Samples::U16(samples) => samples[index] = number as u16,
            Samples::F32(samples) => samples[index] = number as f32,
            Samples::Scan(samples) => samples[index] = number,
        }
    }
    picture
}

/// What is wrong where a file cannot be made.
type Made = std::result::Result<Vec<u8>, String>;

/// A picture of 16 bits as PNG.
fn png(picture: &Picture) -> Made {
    let Samples::U16(samples) = &picture.samples else {
        return Err("its numbers are not of 16 bits".into());
    };
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, picture.width as u32, picture.height as u32);
    encoder.set_depth(png::BitDepth::Sixteen);
    encoder.set_color(match picture.channels {
        Channels::Grey => png::ColorType::Grayscale,
        Channels::GreyAlpha => png::ColorType::GrayscaleAlpha,
        Channels::Rgb => png::ColorType::Rgb,
        Channels::RgbAlpha => png::ColorType::Rgba,
    });
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_be_bytes()).collect();
    let mut writer = encoder.write_header().map_err(|cause| cause.to_string())?;
    writer
        .write_image_data(&bytes)
        .map_err(|cause| cause.to_string())?;
    writer.finish().map_err(|cause| cause.to_string())?;
    Ok(file)
}

/// A picture of 16 bits or floats as TIFF.
fn tiff(picture: &Picture) -> Made {
    let (width, height) = (picture.width as u32, picture.height as u32);
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).map_err(|cause| cause.to_string())?;
    let written = match (&picture.samples, picture.channels) {
        (Samples::U16(samples), Channels::Grey) => {
            encoder.write_image::<colortype::Gray16>(width, height, samples)
        }
        (Samples::U16(samples), Channels::Rgb) => {
            encoder.write_image::<colortype::RGB16>(width, height, samples)
        }
        (Samples::U16(samples), Channels::RgbAlpha) => {
            encoder.write_image::<colortype::RGBA16>(width, height, samples)
        }
        (Samples::F32(samples), Channels::Grey) => {
            encoder.write_image::<colortype::Gray32Float>(width, height, samples)
        }
        (Samples::F32(samples), Channels::Rgb) => {
            encoder.write_image::<colortype::RGB32Float>(width, height, samples)
        }
        (Samples::F32(samples), Channels::RgbAlpha) => {
            encoder.write_image::<colortype::RGBA32Float>(width, height, samples)
        }
        _ => return Err("its pixels are of no kind that is written".into()),
    };
    written.map_err(|cause| cause.to_string())?;
    Ok(file.into_inner())
}
