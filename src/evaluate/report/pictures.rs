//! Thumbnails of a pair's images, small enough to lie in the page.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};
use serde::Serialize;

use crate::data::{read_image, to_rgb_image};
use crate::error::{Error, Result};
use crate::evaluate::kept::{KEPT_FILES, kept_folder};
use crate::evaluate::record::Record;

/// The longer side of a thumbnail, in pixels.
const SIDE: u32 = 224;
/// The longer side of a perturbation's, which is noise and takes many bytes.
const NOISE_SIDE: u32 = 160;
const QUALITY: u8 = 82;
const NOISE_QUALITY: u8 = 68;

/// The images of a pair, as the network saw them with 8 bits; both have one size.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// The image that was attacked.
    pub source: RgbImage,
    /// What the attack made of it.
    pub adversarial: RgbImage,
}

/// What [`Evaluation::saves`](crate::evaluate::Evaluation::saves) kept of a record in the folder `saved`. Nothing where
/// that is not there.
///
/// # Errors
/// If it is there and cannot be read.
pub fn saved_pictures(saved: impl AsRef<Path>, record: &Record) -> Result<Option<Pictures>> {
    let folder = kept_folder(saved.as_ref(), record.task);
    let [source, adversarial, _] = KEPT_FILES.map(|name| folder.join(name));
    if !source.exists() || !adversarial.exists() {
        return Ok(None);
    }
    let picture = |file: &Path| to_rgb_image(&read_image(file)?);
    Ok(Some(Pictures {
        source: picture(&source)?,
        adversarial: picture(&adversarial)?,
    }))
}

/// A pair's thumbnails as they stand in the page.
#[derive(Serialize)]
pub(super) struct Thumbnails {
    /// As data URIs.
    source: String,
    adversarial: String,
    perturbation: String,
    /// How much the perturbation is magnified there: as much as leaves its largest value inside 8 bits.
    magnification: f32,
    /// Width and height of the images themselves.
    size: [u32; 2],
}

impl Thumbnails {
    pub fn of(pictures: &Pictures, record: &Record) -> Result<Thumbnails> {
        let size = pictures.source.dimensions();
        if pictures.adversarial.dimensions() != size || size.0 == 0 || size.1 == 0 {
            let sides = |image: &RgbImage| format!("{}×{}", image.width(), image.height());
            return Err(Error::Usage(format!(
                "the images of {} and what the attack made of it have {} and {} pixels; a report wants both of one size",
                record.image,
                sides(&pictures.source),
                sides(&pictures.adversarial)
            )));
        }
        let (perturbation, magnification) = perturbation(pictures);
        Ok(Thumbnails {
            source: data_uri(&scaled(&pictures.source, SIDE, FilterType::Triangle), QUALITY)?,
            adversarial: data_uri(
                &scaled(&pictures.adversarial, SIDE, FilterType::Triangle),
                QUALITY,
            )?,
            // Means of neighbours would make noise smaller than it is.
            perturbation: data_uri(
                &scaled(&perturbation, NOISE_SIDE, FilterType::Nearest),
                NOISE_QUALITY,
            )?,
            magnification,
            size: size.into(),
        })
    }

    /// How many bytes they take in the page, about.
    pub fn bytes(&self) -> usize {
        self.source.len() + self.adversarial.len() + self.perturbation.len() + 100
    }
}

/// The perturbation about mid-grey, and its magnification.
fn perturbation(pictures: &Pictures) -> (RgbImage, f32) {
    let values = pictures.source.iter().zip(pictures.adversarial.iter());
    let largest = values.map(|(before, after)| before.abs_diff(*after)).max();
    let magnification = 127.0 / f32::from(largest.unwrap_or(0).max(1));
    let mut picture = RgbImage::from_pixel(pictures.source.width(), pictures.source.height(), Rgb([128; 3]));
    let values = pictures.source.iter().zip(pictures.adversarial.iter());
    for (value, (before, after)) in picture.iter_mut().zip(values) {
        let change = f32::from(*after) - f32::from(*before);
        *value = (128.0 + change * magnification).round() as u8;
    }
    (picture, magnification)
}

/// The picture with its longer side no longer than `most`.
fn scaled(picture: &RgbImage, most: u32, filter: FilterType) -> RgbImage {
    let (width, height) = picture.dimensions();
    let longer = width.max(height);
    if longer <= most {
        return picture.clone();
    }
    let side = |side: u32| (u64::from(side) * u64::from(most) / u64::from(longer)).max(1) as u32;
    resize(picture, side(width), side(height), filter)
}

fn data_uri(picture: &RgbImage, quality: u8) -> Result<String> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality)
        .encode_image(picture)
        .map_err(|cause| Error::Usage(format!("a thumbnail of the report cannot be made: {cause}")))?;
    Ok(format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_change_of_a_perturbation_fills_8_bits() {
        let source = RgbImage::from_pixel(2, 1, Rgb([100, 0, 255]));
        let mut adversarial = source.clone();
        adversarial.put_pixel(1, 0, Rgb([104, 0, 253]));
        let (picture, magnification) = perturbation(&Pictures {
            source: source.clone(),
            adversarial,
        });
        assert_eq!(magnification, 127.0 / 4.0);
        assert_eq!(picture.into_raw(), [128, 128, 128, 255, 128, 65]);
        let (none, _) = perturbation(&Pictures {
            source: source.clone(),
            adversarial: source,
        });
        assert!(none.iter().all(|&value| value == 128));
    }

    #[test]
    fn thumbnails_keep_their_sides_in_proportion() {
        let picture = RgbImage::new(1000, 500);
        assert_eq!(
            scaled(&picture, 224, FilterType::Nearest).dimensions(),
            (224, 112)
        );
        assert_eq!(
            scaled(&RgbImage::new(5000, 1), 224, FilterType::Nearest).dimensions(),
            (224, 1)
        );
        assert_eq!(
            scaled(&RgbImage::new(8, 9), 224, FilterType::Nearest).dimensions(),
            (8, 9)
        );
    }
}
