//! The paper's figure: what was attacked, what the attack steered by, and what came of it.

use std::collections::BTreeSet;

use image::imageops::{FilterType, replace, resize};
use image::{Rgb, RgbImage};

use super::canvas::{Anchor, Canvas, FAINT_INK, HAIRLINE, INK};
use super::overlay::{MAGNIFICATION, mix, paint, perturbation_picture, window};
use super::plot::draw_plot;

use crate::data::to_rgb_image;
use crate::error::{Error, Result};
use crate::labels::{IGNORE, LabelMap};
use crate::palette::{INACTIVE, OUTSIDE, class_colour};
use crate::statistics::{Scores, TraceRow};
use crate::tensor::Tensor;

/// The side of a panel, in pixels.
const PANEL: u32 = 300;
const GAP: i32 = 26;
const MARGIN: i32 = 44;
const COLUMNS: i32 = 4;
const PANEL_TITLE: i32 = 30;
const HEADLINE: i32 = 88;
const LEGEND_ROW: i32 = 30;
const HEADLINE_SIZE: f32 = 32.0;
const ARROW: &str = " → ";

/// An adaptive mask at one iteration.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The iteration.
    pub iteration: u32,
    /// The mask, as [`LabelMap::adaptive_mask`] gives it: a class where the attack pulls towards it,
    /// [`IGNORE`] elsewhere.
    pub mask: LabelMap,
}

/// What the figure shows. Images are 1×3×H×W (or 1×1×H×W) in \[0, 1\], all of the network's input size; label
/// maps have the size of its output, and lie in the centre of the input.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What the headline calls the image, usually its file's name, and the target. One that the built-in fonts cannot
    /// write is called `image` or `target`, and a long one is shortened in its middle.
    pub image_name: String,
    /// See `image_name`.
    pub target_name: String,
    /// The line below: network, schedule, iterations, device.
    pub subtitle: String,
    /// The image that was attacked.
    pub source: Tensor,
    /// What the network predicts for it.
    pub source_prediction: LabelMap,
    /// What the prediction is scored against: what the network should predict, or no longer.
    pub target: LabelMap,
    /// What that is called: `target`, or `label` for an untargeted attack.
    pub target_kind: String,
    /// What the masks of the moments are called, such as `Adaptive mask`.
    pub mask_name: String,
    /// Masks at up to four moments.
    pub moments: Vec<Moment>,
    /// The adversarial image.
    pub adversarial: Tensor,
    /// What the network predicts for it.
    pub adversarial_prediction: LabelMap,
    /// The four numbers of the adversarial image.
    pub scores: Scores,
    /// What the four numbers are of, such as `rounded to 8 bits, iteration 412`.
    pub scores_of: String,
    /// All iterations, for the plot.
    pub trace: Vec<TraceRow>,
}

/// Draws the figure: three rows of four panels on white, under a headline and above a legend.
///
/// # Errors
/// If the images differ in shape or cannot be shown, a label map is larger than the images, or there are
/// more than four moments.
pub fn draw_figure(figure: &Figure) -> Result<RgbImage> {
    if figure.moments.len() > COLUMNS as usize {
        return Err(Error::Usage(format!(
            "the figure has room for {COLUMNS} adaptive masks, and {} were given; choose among them",
            figure.moments.len()
        )));
    }
    let perturbation = perturbation_picture(&figure.source, &figure.adversarial)?;
    let panel = PANEL as i32;
    let width = 2 * MARGIN + COLUMNS * panel + (COLUMNS - 1) * GAP;
    let legend = Legend::of(figure);
    let measure = Canvas::new(1, 1)?;
    let legend_rows = legend.rows(&measure, width - 2 * MARGIN).len() as i32;
    let row_height = PANEL_TITLE + panel + GAP;
    let legend_top = HEADLINE + MARGIN / 2 + 3 * row_height;
    let height = legend_top + legend_rows * LEGEND_ROW + MARGIN;
    let mut canvas = Canvas::new(width as u32, height as u32)?;

    let title = headline(&canvas, figure, width - 2 * MARGIN);
    canvas.text(MARGIN, 30, HEADLINE_SIZE, INK, Anchor::Left, &title);
    let subtitle = canvas.shortened(19.0, &figure.subtitle, width - 2 * MARGIN);
    canvas.text(MARGIN, 70, 19.0, FAINT_INK, Anchor::Left, &subtitle);

    let place = |row: i32, column: i32| {
        (
            MARGIN + column * (panel + GAP),
            HEADLINE + MARGIN / 2 + row * row_height,
        )
    };
    let image_panel = |canvas: &mut Canvas, row, column, title: &str, image: &Tensor| {
        let picture = fit(&to_rgb_image(image)?);
        draw_panel(canvas, place(row, column), title, &picture);
        Ok::<(), Error>(())
    };
    let label_panel =
        |canvas: &mut Canvas, row, column, title: &str, labels: &LabelMap, colour: &dyn Fn(u8) -> [u8; 3]| {
            let picture = in_window(&figure.source, labels, colour)?;
            draw_panel(canvas, place(row, column), title, &fit(&picture));
            Ok::<(), Error>(())
        };
    image_panel(&mut canvas, 0, 0, "Source image", &figure.source)?;
    label_panel(
        &mut canvas,
        0,
        1,
        "Its prediction",
        &figure.source_prediction,
        &class_colour,
    )?;
    label_panel(
        &mut canvas,
        0,
        2,
        &capitalised(&figure.target_kind),
        &figure.target,
        &class_colour,
    )?;
    let (x, y) = place(0, 3);
    panel_title(&mut canvas, x, y, "Progress");
    let iou_name = format!("IoU with the {}", figure.target_kind);
    draw_plot(&mut canvas, &figure.trace, &iou_name, x, y + PANEL_TITLE, PANEL);

    for (column, moment) in figure.moments.iter().enumerate() {
        let title = format!("{}, iteration {}", figure.mask_name, moment.iteration);
        label_panel(&mut canvas, 1, column as i32, &title, &moment.mask, &mask_colour)?;
    }

    let magnified = format!("Perturbation ×{MAGNIFICATION}");
    image_panel(&mut canvas, 2, 0, &magnified, &perturbation)?;
    image_panel(&mut canvas, 2, 1, "Adversarial image", &figure.adversarial)?;
    label_panel(
        &mut canvas,
        2,
        2,
        "Its prediction",
        &figure.adversarial_prediction,
        &class_colour,
    )?;
    draw_scores(&mut canvas, place(2, 3), &figure.scores, &figure.scores_of);

    legend.draw(&mut canvas, legend_top, width - 2 * MARGIN);
    Ok(canvas.picture)
}

/// A word as it begins a title.
pub(crate) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// `image → target`, each name in its half of `width`, or in what the other leaves.
fn headline(canvas: &Canvas, figure: &Figure, width: i32) -> String {
    let written = |name: &str, otherwise: &str| match canvas.can_write(name) {
        true => name.to_string(),
        false => otherwise.to_string(),
    };
    let names = [
        written(&figure.image_name, "image"),
        written(&figure.target_name, "target"),
    ];
    let width = width - canvas.text_width(HEADLINE_SIZE, ARROW);
    let widths = names
        .each_ref()
        .map(|name| canvas.text_width(HEADLINE_SIZE, name));
    let [image, target] = [(0, 1), (1, 0)].map(|(this, other)| {
        let room = (width - widths[other]).max(width / 2);
        canvas.shortened_in_middle(HEADLINE_SIZE, &names[this], room)
    });
    format!("{image}{ARROW}{target}")
}

pub(super) fn mask_colour(label: u8) -> [u8; 3] {
    if label == IGNORE {
        INACTIVE
    } else {
        class_colour(label)
    }
}

/// The label map in its window of a sheet of the image's size.
pub(super) fn in_window(
    image: &Tensor,
    labels: &LabelMap,
    colour: &dyn Fn(u8) -> [u8; 3],
) -> Result<RgbImage> {
    let (top, left) = window(image, labels)?;
    let painted = paint(labels, colour)?;
    let shape = image.shape();
    let mut sheet = RgbImage::from_pixel(shape.w as u32, shape.h as u32, Rgb(OUTSIDE));
    replace(&mut sheet, &painted, left as i64, top as i64);
    Ok(sheet)
}

/// The picture scaled so that its longer side is that of a panel: smoothly down, but each pixel a sharp
/// block when scaled up.
fn fit(picture: &RgbImage) -> RgbImage {
    let longer = picture.width().max(picture.height()).max(1);
    let scaled = |side: u32| {
        let side = (u64::from(side) * u64::from(PANEL) + u64::from(longer) / 2) / u64::from(longer);
        side.max(1) as u32
    };
    let filter = if longer < PANEL {
        FilterType::Nearest
    } else {
        FilterType::CatmullRom
    };
    resize(picture, scaled(picture.width()), scaled(picture.height()), filter)
}

fn panel_title(canvas: &mut Canvas, x: i32, y: i32, title: &str) {
    let title = canvas.shortened(20.0, title, PANEL as i32);
    canvas.text(x, y, 20.0, INK, Anchor::Left, &title);
}

/// A picture no larger than a panel, under its title.
fn draw_panel(canvas: &mut Canvas, (x, y): (i32, i32), title: &str, picture: &RgbImage) {
    panel_title(canvas, x, y, title);
    canvas.paste(picture, x, y + PANEL_TITLE);
    canvas.frame(x, y + PANEL_TITLE, picture.width(), picture.height(), HAIRLINE);
}

fn draw_scores(canvas: &mut Canvas, (x, y): (i32, i32), scores: &Scores, scores_of: &str) {
    panel_title(canvas, x, y, "Result");
    let lines = [
        ("L₂", three_digits(scores.l2)),
        ("L∞", three_digits(scores.linf)),
        ("IoU", percent(scores.iou)),
        ("Pixel accuracy", percent(scores.pixel_accuracy)),
    ];
    let panel = PANEL as i32;
    let mut line_top = y + PANEL_TITLE;
    for (name, value) in lines {
        canvas.fill(x, line_top - 1, PANEL, 1, HAIRLINE);
        canvas.text(x + 2, line_top + 22, 20.0, FAINT_INK, Anchor::Left, name);
        canvas.text(x + panel - 2, line_top + 13, 34.0, INK, Anchor::Right, &value);
        line_top += 63;
    }
    canvas.fill(x, line_top - 1, PANEL, 1, HAIRLINE);
    let note = canvas.shortened(17.0, scores_of, panel);
    canvas.text(x + 2, line_top + 15, 17.0, FAINT_INK, Anchor::Left, &note);
}

/// Three significant digits.
pub(super) fn three_digits(value: f32) -> String {
    if !value.is_finite() || value == 0.0 {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor() as i32;
    match magnitude {
        -4..=2 => format!("{value:.decimals$}", decimals = (2 - magnitude) as usize),
        3..=5 => format!("{value:.0}"),
        _ => format!("{value:.2e}"),
    }
}

fn percent(share: f32) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// What the colours mean, in the order they are listed.
struct Legend(Vec<LegendEntry>);

struct LegendEntry {
    colour: Rgb<u8>,
    meaning: String,
}

impl Legend {
    const TEXT: f32 = 18.0;
    const SWATCH: u32 = 18;
    const SPACE: i32 = 30;

    /// The colours that the figure's label maps use.
    fn of(figure: &Figure) -> Self {
        let predicted = [
            &figure.source_prediction,
            &figure.target,
            &figure.adversarial_prediction,
        ];
        let masks = figure.moments.iter().map(|moment| &moment.mask);
        let labels: BTreeSet<u8> = predicted
            .into_iter()
            .chain(masks)
            .flat_map(|map| map.labels().iter().copied())
            .filter(|&label| label != IGNORE)
            .collect();
        let mut entries = Vec::new();
        let mut add = |colour, meaning: String| entries.push(LegendEntry { colour, meaning });
        for label in labels {
            let meaning = match label {
                0 => "background (class 0)".to_string(),
                _ => format!("class {label}"),
            };
            add(Rgb(class_colour(label)), meaning);
        }
        if figure.target.count(IGNORE) > 0 {
            add(Rgb(class_colour(IGNORE)), "ignored".into());
        }
        if !figure.moments.is_empty() {
            add(Rgb(INACTIVE), "mask is zero: nothing to change".into());
        }
        let shape = figure.source.shape();
        if (figure.target.height(), figure.target.width()) != (shape.h, shape.w) {
            add(Rgb(OUTSIDE), "outside the network's output".into());
        }
        Legend(entries)
    }

    /// The entries with their horizontal position, broken into rows no longer than `width`.
    fn rows(&self, canvas: &Canvas, width: i32) -> Vec<Vec<(i32, &LegendEntry)>> {
        let mut rows = vec![Vec::new()];
        let mut x = 0;
        for entry in &self.0 {
            let needed = Self::SWATCH as i32 + 9 + canvas.text_width(Self::TEXT, &entry.meaning);
            if x > 0 && x + needed > width {
                rows.push(Vec::new());
                x = 0;
            }
            if let Some(row) = rows.last_mut() {
                row.push((x, entry));
            }
            x += needed + Self::SPACE;
        }
        rows
    }

    fn draw(&self, canvas: &mut Canvas, top: i32, width: i32) {
        for (row, entries) in self.rows(canvas, width).into_iter().enumerate() {
            let y = top + row as i32 * LEGEND_ROW;
            for (x, LegendEntry { colour, meaning }) in entries {
                let x = MARGIN + x;
                canvas.fill(x, y, Self::SWATCH, Self::SWATCH, *colour);
                canvas.frame(x, y, Self::SWATCH, Self::SWATCH, mix(*colour, INK, 0.3));
                let text_x = x + Self::SWATCH as i32 + 9;
                canvas.text(text_x, y, Self::TEXT, INK, Anchor::Left, meaning);
            }
        }
    }
}
