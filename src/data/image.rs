//! Photographs: files to tensors in \[0, 1\] and back.

use std::io;
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use super::decode::decode;
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::tensor::{Shape, Tensor};

/// Reads an image file to a tensor of shape 1×3×H×W in \[0, 1\]: 8-bit values are divided by 255, 16-bit
/// ones by 65535. Grey becomes three equal channels, and transparency is dropped.
///
/// # Errors
/// If the file is missing, is no PNG, JPEG, TIFF, BMP or WebP image, is damaged, is too large, or holds
/// numbers outside \[0, 1\] (floating-point TIFF).
pub fn read_image(path: impl AsRef<Path>) -> Result<Tensor> {
    let path = path.as_ref();
    let picture = decode(path)?;
    let shape = Shape::new(1, 3, picture.height() as usize, picture.width() as usize);
    let channels = usize::from(picture.color().channel_count());
    // Not through the image crate's conversions: they weigh colours and can change the last bit.
    let planes = if let Some(samples) = picture.as_flat_samples_u8() {
        planes(samples.samples, channels, 255.0)
    } else if let Some(samples) = picture.as_flat_samples_u16() {
        planes(samples.samples, channels, 65535.0)
    } else if let Some(samples) = picture.as_flat_samples_f32() {
        planes(samples.samples, channels, 1.0)
    } else {
        return Err(Error::file(
            path,
            format!("has {:?} pixels; convert it to 8 or 16 bits", picture.color()),
        ));
    };
    if let Some(value) = planes.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        return Err(Error::file(
            path,
            format!("holds the pixel value {value}; scale its values to 0 to 1"),
        ));
    }
    Tensor::new(shape, planes)
}

/// The red, green and blue planes of interleaved samples, divided by `white`; alpha is left out, and grey is
/// all three.
fn planes<T: Copy + Into<f32>>(samples: &[T], channels: usize, white: f32) -> Vec<f32> {
    let colours = if channels < 3 { [0, 0, 0] } else { [0, 1, 2] };
    let plane = |colour: usize| samples.iter().skip(colour).step_by(channels.max(1));
    colours
        .into_iter()
        .flat_map(|colour| plane(colour).map(|&sample| sample.into() / white))
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
