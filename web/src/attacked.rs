//! What an attack left, as a page shows it.

use std::io::Cursor;

use asma::Tensor;
use asma::attack::Snapshot;
use asma::data::to_rgb_image;
use asma::error::{Error, Result};
use asma::job::Performed;
use asma::report::perturbation_picture;
use image::{ImageFormat, RgbImage};
use wasm_bindgen::prelude::*;

/// What an attack left.
#[wasm_bindgen(getter_with_clone)]
pub struct Attacked {
    /// Everything there is to say about it, in JSON, as `asma attack` writes it.
    pub summary: String,
    /// What was accepted and what is likely a mistake, a line each.
    pub lines: String,
    /// The adversarial image as a PNG file.
    pub png: Vec<u8>,
    /// Its pixels, red, green, blue and 255 each.
    pub pixels: Vec<u8>,
    /// Those of the perturbation, magnified.
    pub perturbation: Vec<u8>,
    /// The class of each pixel that was wanted, of the prediction's size.
    pub target: Vec<u8>,
    /// The class of each pixel that the network predicts for the image as the file has it.
    pub labels: Vec<u8>,
}

impl Attacked {
    /// Of what a job performed.
    ///
    /// # Errors
    /// If a picture cannot be made.
    pub fn new(performed: &Performed) -> Result<Attacked> {
        let attacked = &performed.attacked;
        let judged = &attacked.judged;
        let unwritten =
            |error: &dyn std::fmt::Display| Error::Usage(format!("no picture can be made: {error}"));
        let written = to_rgb_image(&judged.written)?;
        let mut png = Cursor::new(Vec::new());
        written
            .write_to(&mut png, ImageFormat::Png)
            .map_err(|error| unwritten(&error))?;
        let perturbation = to_rgb_image(&perturbation_picture(&attacked.source, &judged.saved)?)?;
        Ok(Attacked {
            summary: serde_json::to_string(&performed.summary).map_err(|error| unwritten(&error))?,
            lines: [performed.accepted.as_slice(), &performed.notes]
                .concat()
                .join("\n"),
            png: png.into_inner(),
            pixels: opaque(&written),
            perturbation: opaque(&perturbation),
            target: attacked.target.labels().to_vec(),
            labels: judged.written_prediction.labels().to_vec(),
        })
    }
}

/// A moment of an attack that goes on, as a page shows it.
#[wasm_bindgen(getter_with_clone)]
pub struct Moment {
    /// The adversarial image's pixels, red, green, blue and 255 each.
    pub pixels: Vec<u8>,
    /// Those of the perturbation, magnified.
    pub perturbation: Vec<u8>,
    /// The class of each pixel that the network predicts.
    pub labels: Vec<u8>,
}

impl Moment {
    /// Of the attack on `source`; none if the moment was kept without an image.
    ///
    /// # Errors
    /// If a picture cannot be made.
    pub fn new(source: &Tensor, moment: &Snapshot) -> Result<Option<Moment>> {
        let Some(image) = &moment.image else {
            return Ok(None);
        };
        Ok(Some(Moment {
            pixels: opaque(&to_rgb_image(image)?),
            perturbation: opaque(&to_rgb_image(&perturbation_picture(source, image)?)?),
            labels: moment.prediction.labels().to_vec(),
        }))
    }
}

/// A picture as a canvas takes it: red, green, blue and 255 for each pixel.
pub fn opaque(picture: &RgbImage) -> Vec<u8> {
    picture
        .pixels()
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255])
        .collect()
}
