//! The attack in motion: an animated GIF of prediction, adaptive mask and adversarial image.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use image::codecs::gif::{GifEncoder, Repeat};
use image::imageops::{FilterType, resize};
use image::{Delay, Frame as GifFrame, Rgb, RgbImage, RgbaImage};

use super::canvas::{Anchor, Canvas, FAINT_INK, HAIRLINE, INK, WHITE};
use super::few_colours::reduce;
use super::figure::{in_window, mask_colour, three_digits};
use crate::data::to_rgb_image;
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::labels::LabelMap;
use crate::palette::{INACTIVE, OUTSIDE, class_colour};
use crate::tensor::Tensor;

/// The longest side of a panel, in pixels.
const PANEL: u32 = 256;
/// The least width that a panel takes, so that its title has room.
const LEAST_WIDTH: i32 = 128;
const MARGIN: i32 = 12;
const GAP: i32 = 12;
const TITLE: i32 = 26;
const CAPTION: i32 = 34;

/// How long all frames but the last are shown together, as far as each frame's own limits allow.
const DURATION: Duration = Duration::from_secs(4);
const SHORTEST: Duration = Duration::from_millis(80);
const LONGEST: Duration = Duration::from_millis(400);
/// How long the last frame is shown.
const REST: Duration = Duration::from_millis(2500);

/// Colours that a GIF's palette holds.
const COLOURS: usize = 256;

/// One moment of the attack.
#[derive(Clone, Debug)]
pub struct AnimationFrame {
    /// What the caption calls it, such as `iteration 12`.
    pub name: String,
    /// What the network predicts.
    pub prediction: LabelMap,
    /// The mask that drives the attack, as [`LabelMap::adaptive_mask`] gives it: a class where the attack
    /// pulls towards it, [`IGNORE`](crate::labels::IGNORE) elsewhere.
    pub mask: LabelMap,
    /// The adversarial image, 1×3×H×W or 1×1×H×W in \[0, 1\].
    pub image: Tensor,
    /// The prediction's intersection over union with the target, 0 to 1.
    pub iou: f32,
    /// The image's distance from the source, ‖X − Xₙ‖₂.
    pub l2: f32,
}

/// What the animation shows. All frames have the same sizes; label maps have the size of the network's
/// output, and lie in the centre of the input.
#[derive(Clone, Debug)]
pub struct Animation {
    /// What the masks are called, such as `Adaptive mask`.
    pub mask_name: String,
    /// The moments, in their order.
    pub frames: Vec<AnimationFrame>,
}

/// Draws the frames: the three pictures side by side under their names, a caption below. Small images are
/// scaled up by a whole number, large ones down, so that no panel is longer than 256 pixels.
///
/// # Errors
/// If there are no frames, their sizes differ, an image cannot be shown, or a label map is larger than it.
pub fn draw_frames(animation: &Animation) -> Result<Vec<RgbImage>> {
    let Some(first) = animation.frames.first() else {
        return Err(Error::Usage(
            "an animation of no frames was asked for; give at least one".into(),
        ));
    };
    let size = |frame: &AnimationFrame| {
        let sides = |map: &LabelMap| (map.height(), map.width());
        (frame.image.shape(), sides(&frame.prediction), sides(&frame.mask))
    };
    if let Some(other) = animation.frames.iter().find(|frame| size(frame) != size(first)) {
        return Err(Error::Usage(format!(
            "the frames of an animation differ in size: `{}` has an image of shape {} and {} rows × {} columns \
             of labels, `{}` of {} and {} × {}; give frames of one attack",
            first.name,
            first.image.shape(),
            first.mask.height(),
            first.mask.width(),
            other.name,
            other.image.shape(),
            other.mask.height(),
            other.mask.width(),
        )));
    }
    let frames = animation.frames.iter();
    frames.map(|frame| draw(frame, &animation.mask_name)).collect()
}

/// The animation as a GIF that loops for ever and rests on its last frame. All frames share one palette of
/// 256 colours, among them those of the labels.
///
/// # Errors
/// Those of [`draw_frames`].
pub fn animation_gif(animation: &Animation) -> Result<Vec<u8>> {
    let mut pictures = draw_frames(animation)?;
    reduce(&mut pictures, &exact_colours(animation), COLOURS);
    let moving = pictures.len().saturating_sub(1).max(1) as u32;
    let each = (DURATION / moving).clamp(SHORTEST, LONGEST);
    let last = pictures.len() - 1;
    let mut bytes = Vec::new();
    let encode = |bytes: &mut Vec<u8>| {
        let mut encoder = GifEncoder::new(bytes);
        encoder.set_repeat(Repeat::Infinite)?;
        for (index, picture) in pictures.into_iter().enumerate() {
            let shown = if index == last { REST } else { each };
            let picture: RgbaImage = image::DynamicImage::ImageRgb8(picture).into_rgba8();
            let delay = Delay::from_saturating_duration(shown);
            encoder.encode_frame(GifFrame::from_parts(picture, 0, 0, delay))?;
        }
        Ok::<(), image::ImageError>(())
    };
    encode(&mut bytes).map_err(|cause| Error::Usage(format!("the animation cannot be encoded: {cause}")))?;
    Ok(bytes)
}

/// Writes what [`animation_gif`] makes, whole or not at all.
///
/// # Errors
/// Those of [`animation_gif`], and if the file cannot be written.
pub fn write_animation(path: impl AsRef<Path>, animation: &Animation) -> Result<()> {
    let bytes = animation_gif(animation)?;
    write_atomically(path, |file| file.write_all(&bytes))
}

fn draw(frame: &AnimationFrame, mask_name: &str) -> Result<RgbImage> {
    let panels = [
        (
            "Prediction",
            label_panel(frame, &frame.prediction, &class_colour)?,
        ),
        (mask_name, label_panel(frame, &frame.mask, &mask_colour)?),
        (
            "Adversarial image",
            fit(&to_rgb_image(&frame.image)?, FilterType::Triangle),
        ),
    ];
    let (panel_width, panel_height) = panels[0].1.dimensions();
    let cell = (panel_width as i32).max(LEAST_WIDTH);
    let width = 2 * MARGIN + 3 * cell + 2 * GAP;
    let below = MARGIN + TITLE + panel_height as i32;
    let mut canvas = Canvas::new(width as u32, (below + CAPTION) as u32)?;
    for (column, (title, picture)) in (0..).zip(&panels) {
        let left = MARGIN + column * (cell + GAP);
        let title = canvas.shortened(17.0, title, cell);
        canvas.text(left, MARGIN - 2, 17.0, INK, Anchor::Left, &title);
        let x = left + (cell - panel_width as i32) / 2;
        canvas.paste(picture, x, MARGIN + TITLE);
        canvas.frame(x, MARGIN + TITLE, panel_width, panel_height, HAIRLINE);
    }
    let numbers = format!("IoU {:.3}    L₂ {}", frame.iou, three_digits(frame.l2));
    let room = width - 2 * MARGIN - canvas.text_width(17.0, &numbers) - GAP;
    let name = canvas.shortened(17.0, &frame.name, room);
    canvas.text(MARGIN, below + 8, 17.0, FAINT_INK, Anchor::Left, &name);
    canvas.text(width - MARGIN, below + 8, 17.0, INK, Anchor::Right, &numbers);
    Ok(canvas.picture)
}

fn label_panel(
    frame: &AnimationFrame,
    labels: &LabelMap,
    colour: &dyn Fn(u8) -> [u8; 3],
) -> Result<RgbImage> {
    // Blends of two labels' colours would be a third one's.
    Ok(fit(
        &in_window(&frame.image, labels, colour)?,
        FilterType::Nearest,
    ))
}

/// The picture scaled to the size of a panel: by `filter` down, or up by a whole number.
fn fit(picture: &RgbImage, filter: FilterType) -> RgbImage {
    let longer = picture.width().max(picture.height()).max(1);
    if longer <= PANEL {
        let factor = PANEL / longer;
        let (width, height) = (picture.width() * factor, picture.height() * factor);
        return resize(picture, width, height, FilterType::Nearest);
    }
    let scaled = |side: u32| {
        let side = (u64::from(side) * u64::from(PANEL) + u64::from(longer) / 2) / u64::from(longer);
        side.max(1) as u32
    };
    resize(picture, scaled(picture.width()), scaled(picture.height()), filter)
}

/// The colours that stand for something, and those of the sheet.
fn exact_colours(animation: &Animation) -> Vec<[u8; 3]> {
    let mut colours = vec![WHITE, INK, FAINT_INK, HAIRLINE, Rgb(OUTSIDE), Rgb(INACTIVE)];
    let mut seen = [false; 256];
    for frame in &animation.frames {
        for labels in [&frame.prediction, &frame.mask] {
            labels
                .labels()
                .iter()
                .for_each(|&label| seen[usize::from(label)] = true);
        }
    }
    let labels = (0..=u8::MAX).filter(|&label| seen[usize::from(label)]);
    colours.extend(labels.map(|label| Rgb(class_colour(label))));
    colours.into_iter().map(|colour| colour.0).collect()
}
