//! Pictures of label maps and of perturbations.

use image::{Rgb, RgbImage};

use crate::data::to_rgb_image;
use crate::error::{Error, Result};
use crate::labels::LabelMap;
use crate::palette::{FILL, class_colour, outline_width};
use crate::tensor::Tensor;

/// By how much a perturbation is magnified to be seen.
pub const MAGNIFICATION: f32 = 100.0;

/// The label map in the colours of [`class_colour`].
///
/// # Errors
/// If a side does not fit into 32 bits.
pub fn colour_labels(labels: &LabelMap) -> Result<RgbImage> {
    paint(labels, class_colour)
}

/// The label map, each label in the colour that `colour` gives it.
pub(super) fn paint(labels: &LabelMap, colour: impl Fn(u8) -> [u8; 3]) -> Result<RgbImage> {
    let bytes = labels.labels().iter().flat_map(|&label| colour(label));
    let sides = u32::try_from(labels.width())
        .ok()
        .zip(u32::try_from(labels.height()).ok());
    sides
        .and_then(|(width, height)| RgbImage::from_raw(width, height, bytes.collect()))
        .ok_or_else(|| {
            Error::Usage(format!(
                "a label map of {} rows and {} columns is too large for a picture",
                labels.height(),
                labels.width()
            ))
        })
}

/// The image under its label map: each class but the background is tinted and outlined in its colour. A
/// map smaller than the image lies in its centre, where a network's output window is.
///
/// # Errors
/// If the image is not 1×1×H×W or 1×3×H×W, or the map is larger than it.
pub fn overlay(image: &Tensor, labels: &LabelMap) -> Result<RgbImage> {
    let mut picture = to_rgb_image(image)?;
    let (top, left) = window(image, labels)?;
    let thickness = outline_width([labels.height(), labels.width()]);
    for y in 0..labels.height() {
        for x in 0..labels.width() {
            let label = labels.get(y, x).unwrap_or(0);
            if label == 0 {
                continue;
            }
            let opacity = if on_outline(labels, y, x, thickness) {
                1.0
            } else {
                FILL
            };
            if let Some(pixel) = picture.get_pixel_mut_checked((left + x) as u32, (top + y) as u32) {
                *pixel = mix(*pixel, Rgb(class_colour(label)), opacity);
            }
        }
    }
    Ok(picture)
}

/// The first row and column of the window that `labels` has in the centre of `image`.
pub(super) fn window(image: &Tensor, labels: &LabelMap) -> Result<(usize, usize)> {
    let shape = image.shape();
    let rows = shape.h.checked_sub(labels.height());
    let columns = shape.w.checked_sub(labels.width());
    match rows.zip(columns) {
        Some((rows, columns)) => Ok((rows / 2, columns / 2)),
        None => Err(Error::Usage(format!(
            "a label map of {} rows and {} columns does not fit into an image of shape {shape}; give the \
             labels that the network predicts for this image",
            labels.height(),
            labels.width()
        ))),
    }
}

/// Whether a pixel of another label lies within `thickness`. The map's own edge is no outline.
fn on_outline(labels: &LabelMap, y: usize, x: usize, thickness: usize) -> bool {
    let label = labels.get(y, x);
    let near = |centre: usize| centre.saturating_sub(thickness)..=centre + thickness;
    near(y).any(|row| {
        near(x).any(|column| {
            let neighbour = labels.get(row, column);
            let distance = row.abs_diff(y).pow(2) + column.abs_diff(x).pow(2);
            distance <= thickness.pow(2) && neighbour.is_some() && neighbour != label
        })
    })
}

pub(super) fn mix(below: Rgb<u8>, above: Rgb<u8>, opacity: f32) -> Rgb<u8> {
    let [a, b, c] = below.0;
    let [d, e, f] = above.0;
    Rgb([(a, d), (b, e), (c, f)].map(|(below, above)| {
        (f32::from(below) * (1.0 - opacity) + f32::from(above) * opacity).round() as u8
    }))
}

/// The perturbation made visible: `(adversarial − source)·100 + 0.5`, clipped to \[0, 1\], so that mid-grey is
/// no change.
///
/// # Errors
/// If the two differ in shape.
pub fn perturbation_picture(source: &Tensor, adversarial: &Tensor) -> Result<Tensor> {
    if source.shape() != adversarial.shape() {
        return Err(Error::Usage(format!(
            "the source image has shape {}, the adversarial one {}; both must have the network's input shape",
            source.shape(),
            adversarial.shape()
        )));
    }
    let mut picture = adversarial.clone();
    for (value, &before) in picture.data_mut().iter_mut().zip(source.data()) {
        *value = ((*value - before) * MAGNIFICATION + 0.5).clamp(0.0, 1.0);
    }
    Ok(picture)
}
