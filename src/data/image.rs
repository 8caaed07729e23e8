//! Photographs: files to tensors in \[0, 1\] and back.

use std::io;
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use super::decode::decode;
use super::picture::{Channels, Picture, Samples};
use super::scaling::Scaling;
use super::window::Window;
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::tensor::{Shape, Tensor};

/// What a file does not say of itself, and how images are read where nothing else is said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ImageOptions {
    /// The page or frame of a file that has several, counted from 1.
    pub page: Option<usize>,
    /// The stored number that is white; without it the largest that the file's bits hold (255, 65535), and 1 in
    /// floating-point files. Larger numbers become white too.
    pub white: Option<f32>,
    /// Which values are black and white; without it those that a scan names itself, and in other files 0 and the white.
    pub window: Option<Window>,
}

/// A photograph as it was read.
#[derive(Clone, Debug)]
pub struct Photograph {
    /// 1×3×H×W in \[0, 1\]; grey is three equal channels.
    pub image: Tensor,
    /// Whether the file holds one channel of grey.
    pub grey: bool,
    /// What was read, in one line: size, format, bits, channels, turn, page, and what stands for white.
    pub description: String,
    /// What is likely a mistake, in one line each.
    pub notes: Vec<String>,
}

/// Reads an image file to a tensor of shape 1×3×H×W in \[0, 1\]: 8-bit values are divided by 255, 16-bit
/// ones by 65535. Grey becomes three equal channels, and transparency is dropped. The image is turned upright as
/// its EXIF orientation says.
///
/// # Errors
/// Those of [`read_photograph`].
pub fn read_image(path: impl AsRef<Path>) -> Result<Tensor> {
    Ok(read_photograph(path, &ImageOptions::default())?.image)
}

/// Reads an image file as [`read_image`] does, and says what was read. The values of DICOM and NIfTI files become 0 to 1
/// between those that the file, or `options`, says are black and white.
///
/// # Errors
/// If the file is missing, is no PNG, JPEG, TIFF, BMP, GIF, WebP, DICOM or NIfTI image, is damaged or cut short, is too
/// large, holds several pages of which none is chosen, floating-point numbers outside \[0, 1\] without a white, or values
/// of a scan of which neither it nor `options` says which are black and white.
pub fn read_photograph(path: impl AsRef<Path>, options: &ImageOptions) -> Result<Photograph> {
    let path = path.as_ref();
    photograph(path, &decode(path, options.page)?, options)
}

/// A decoded picture as a photograph.
pub(super) fn photograph(path: &Path, picture: &Picture, options: &ImageOptions) -> Result<Photograph> {
    if let Some(white) = options.white
        && !(white.is_finite() && white > 0.0)
    {
        return Err(Error::Usage(format!("`white={white}`: want a number above 0")));
    }
    if let Some(window) = options.window
        && !window.is_sound()
    {
        return Err(Error::Usage(format!(
            "`window={window}`: want two finite values, the lower first, or a width above 0"
        )));
    }
    let mut description = picture.to_string();
    let mut notes = Vec::new();
    let shape = Shape::new(1, 3, picture.height, picture.width);
    let planes = if let Some(palette) = &picture.palette {
        let given = options
            .window
            .map(|window| format!("`window={window}`"))
            .or(options.white.map(|white| format!("`white={white}`")));
        if let Some(option) = given {
            return Err(Error::file(
                path,
                format!("has a palette, whose colours are taken as they are; leave {option} out"),
            ));
        }
        of_palette(picture, palette)
    } else {
        let (scaling, words) = Scaling::of(path, picture, options.white, options.window)?;
        if !words.is_empty() {
            description.push_str(&format!(", {words}"));
        }
        if options.window.is_some() || picture.scan.is_some() {
            let planes = scaled(picture, |stored| scaling.level(stored));
            let first = planes.first().copied().unwrap_or(0.0);
            if planes.iter().all(|&value| value == first) && (first == 0.0 || first == 1.0) {
                let colour = if first == 0.0 { "black" } else { "white" };
                notes.push(format!(
                    "{}: every pixel is {colour}; see `window`",
                    path.display()
                ));
            }
            planes
        } else {
            let white = options.white.unwrap_or(picture.white());
            let highest = Highest::of(picture, white * LEAST_RANGE);
            if options.white.is_some() && highest.largest > white {
                description.push_str(&format!(" (values up to {} are cut there)", highest.largest));
            } else if let (None, Some(largest)) = (options.white, highest.of_nearly_all()) {
                notes.push(format!(
                    "{}: {}",
                    path.display(),
                    too_dark(largest, highest, white)
                ));
            }
            // In float32, so that not a bit of what is published changes.
            let above = |value: f32| options.white.is_some() && value.is_finite() && value > 1.0;
            let planes = scaled(picture, |stored| match stored as f32 / white {
                value if above(value) => 1.0,
                value => value,
            });
            if let Some(value) = planes.iter().find(|value| !(0.0..=1.0).contains(*value)) {
                return Err(outside_range(path, value * white));
            }
            planes
        }
    };
    if let Some(value) = planes.iter().find(|value| !value.is_finite()) {
        return Err(outside_range(path, *value));
    }
    Ok(Photograph {
        image: Tensor::new(shape, planes)?,
        grey: picture.palette.is_none() && matches!(picture.channels, Channels::Grey | Channels::GreyAlpha),
        description,
        notes,
    })
}

/// Below this part of the range that a file's bits have, an image is taken to use fewer bits than that.
pub(super) const LEAST_RANGE: f32 = 1.0 / 4.0;

/// The most of the values that may lie above it all the same, as hot pixels of a camera and burnt-in marks do.
const MOST_ABOVE: f64 = 1e-3;

/// What to say of an image of which all values, or nearly all, lie far below white: at most at `largest`.
fn too_dark(largest: f32, highest: Highest, white: f32) -> String {
    if largest <= 0.0 {
        return "every pixel is black".into();
    }
    let fraction = white <= 1.0;
    let suggested = match fraction {
        true => largest,
        false => ((largest as u32 + 1).next_power_of_two() - 1) as f32,
    };
    let found = match highest.above {
        0 => format!("the largest value is {largest} of {white}"),
        above => format!(
            "all values but {above} of {} are at most {largest} of {white}",
            highest.all
        ),
    };
    format!(
        "{found}, so the image is almost black; `white={suggested}` makes {suggested} white{}",
        if fraction {
            ""
        } else {
            ", as is right where so few bits are used"
        }
    )
}

fn outside_range(path: &Path, value: f32) -> Error {
    let advice = match value {
        value if !value.is_finite() => "save it again with finite values",
        value if value < 0.0 => "scale its values to 0 to 1",
        _ => "scale its values to 0 to 1, or give the value that is white by `white`",
    };
    Error::file(path, format!("holds the pixel value {value}; {advice}"))
}

/// The largest of the numbers that are stored, alpha left out.
#[derive(Clone, Copy)]
struct Highest {
    largest: f32,
    /// How many numbers reach a threshold, of how many, and the largest of the others.
    above: usize,
    all: usize,
    below: f32,
}

impl Highest {
    fn of(picture: &Picture, threshold: f32) -> Highest {
        match &picture.samples {
            Samples::U8(samples) => Highest::among(samples, picture.channels, threshold),
            Samples::U16(samples) => Highest::among(samples, picture.channels, threshold),
            Samples::F32(samples) => Highest::among(samples, picture.channels, threshold),
            Samples::Scan(_) => Highest::among::<f32>(&[], picture.channels, threshold),
        }
    }

    fn among<T: Copy + Into<f32>>(samples: &[T], channels: Channels, threshold: f32) -> Highest {
        let colours = channels.count() - usize::from(channels.has_alpha());
        let pixels = samples.chunks(channels.count());
        let mut highest = Highest {
            largest: 0.0,
            above: 0,
            all: 0,
            below: 0.0,
        };
        for &value in pixels.flat_map(|pixel| pixel.iter().take(colours)) {
            let value: f32 = value.into();
            highest.all += 1;
            highest.largest = highest.largest.max(value);
            if value >= threshold {
                highest.above += 1;
            } else {
                highest.below = highest.below.max(value);
            }
        }
        highest
    }

    /// The largest number but for few that reach the threshold, if they are few. A few marks on plain black are the picture.
    fn of_nearly_all(self) -> Option<f32> {
        let few = self.above as f64 <= MOST_ABOVE * self.all as f64;
        (few && (self.above == 0 || self.below > 0.0)).then_some(self.below)
    }
}

/// The red, green and blue planes of a picture of indices; opacity is left out.
fn of_palette(picture: &Picture, palette: &[[u8; 4]]) -> Vec<f32> {
    let Samples::U8(indices) = &picture.samples else {
        return Vec::new();
    };
    let plane = |colour: usize| {
        indices.iter().map(move |&index| {
            let entry = palette.get(usize::from(index));
            f32::from(entry.map_or(0, |entry| entry[colour])) / 255.0
        })
    };
    (0..3).flat_map(plane).collect()
}

/// The red, green and blue planes, each number made a grey; alpha is left out, and grey is all three.
fn scaled(picture: &Picture, grey: impl Fn(f64) -> f32 + Copy) -> Vec<f32> {
    // Not through the image crate's conversions: they weigh colours and can change the last bit.
    match &picture.samples {
        Samples::U8(samples) => planes(samples, picture.channels, grey),
        Samples::U16(samples) => planes(samples, picture.channels, grey),
        Samples::F32(samples) => planes(samples, picture.channels, grey),
        Samples::Scan(samples) => planes(samples, picture.channels, grey),
    }
}

fn planes<T: Copy + Into<f64>>(
    samples: &[T],
    channels: Channels,
    grey: impl Fn(f64) -> f32 + Copy,
) -> Vec<f32> {
    let plane = |colour: usize| samples.iter().skip(colour).step_by(channels.count());
    channels
        .of_colours()
        .into_iter()
        .flat_map(|colour| plane(colour).map(move |&sample| grey(sample.into())))
        .collect()
}

/// The tensor as 8-bit pixels: `255·v` rounded, halves away from zero, and clipped to 0 to 255. One
/// channel is shown as grey.
///
/// # Errors
/// If the tensor is not 1×1×H×W or 1×3×H×W with at least one pixel, or holds a number that is not finite.
pub fn to_rgb_image(image: &Tensor) -> Result<RgbImage> {
    let shape = image.shape();
    if shape.n != 1 || !matches!(shape.c, 1 | 3) || shape.pixels() == 0 {
        return Err(Error::Usage(format!(
            "a tensor of shape {shape} is no picture; give one sample of 1 or 3 channels"
        )));
    }
    if let Some(value) = image.data().iter().find(|value| !value.is_finite()) {
        return Err(Error::NotFinite(format!(
            "the picture of shape {shape} holds the value {value}; only finite values can be shown"
        )));
    }
    let (red, green, blue) = match shape.c {
        1 => (0, 0, 0),
        _ => (0, 1, 2),
    };
    let bytes = image
        .plane(0, red)
        .iter()
        .zip(image.plane(0, green))
        .zip(image.plane(0, blue))
        .flat_map(|((&r, &g), &b)| [r, g, b].map(to_8_bits))
        .collect();
    RgbImage::from_raw(side(shape.w)?, side(shape.h)?, bytes)
        .ok_or_else(|| Error::Usage(format!("a picture of shape {shape} is too large")))
}

/// Writes the tensor as an 8-bit RGB PNG, whole or not at all, rounded as [`to_rgb_image`] does.
///
/// # Errors
/// Those of [`to_rgb_image`], and if the file cannot be written.
pub fn write_image(path: impl AsRef<Path>, image: &Tensor) -> Result<()> {
    write_rgb_image(path, &to_rgb_image(image)?)
}

/// Writes 8-bit pixels as a PNG, whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn write_rgb_image(path: impl AsRef<Path>, image: &RgbImage) -> Result<()> {
    write_atomically(path, |file| {
        PngEncoder::new(file)
            .write_image(
                image.as_raw(),
                image.width(),
                image.height(),
                ExtendedColorType::Rgb8,
            )
            .map_err(io::Error::other)
    })
}

/// What the tensor becomes when it is saved with 8 bits and read again: `round(255·v) / 255`, halves
/// rounded away from zero, clipped to \[0, 1\].
pub fn round_to_8_bits(image: &Tensor) -> Tensor {
    let mut rounded = image.clone();
    for value in rounded.data_mut() {
        *value = f32::from(to_8_bits(*value)) / 255.0;
    }
    rounded
}

fn to_8_bits(value: f32) -> u8 {
    // The conversion to u8 clips.
    (255.0 * value).round() as u8
}

fn side(pixels: usize) -> Result<u32> {
    u32::try_from(pixels).map_err(|_| Error::Usage(format!("a picture side of {pixels} pixels is too long")))
}
