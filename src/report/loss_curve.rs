//! The course of a training run as an SVG: losses and validation IoU over the epochs.

use std::fmt::Display;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::combinators::{BindKeyPoints, WithKeyPoints};
use plotters::coord::types::RangedCoordu32;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Text};
use plotters::prelude::SVGBackend;
use plotters::series::LineSeries;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor, ShapeStyle};

use super::axis::{Axis, round_step, text};
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::palette::{BLUE, ORANGE, VERMILION};
use crate::statistics::EpochRow;

/// Width and height of the picture, in pixels.
const SIZE: (u32, u32) = (960, 560);

const WHITE: RGBColor = RGBColor(255, 255, 255);
const INK: RGBColor = RGBColor(24, 26, 30);
const FAINT_INK: RGBColor = RGBColor(88, 92, 100);
const HAIRLINE: RGBColor = RGBColor(196, 199, 204);
const GRID: RGBColor = RGBColor(230, 232, 235);
// Warm for the left axis, blue for the right.
const TRAINING: RGBColor = colour(ORANGE);
const VALIDATION: RGBColor = colour(VERMILION);
const IOU: RGBColor = colour(BLUE);

const fn colour([red, green, blue]: [u8; 3]) -> RGBColor {
    RGBColor(red, green, blue)
}

/// Left edges of the entries of the legend, in pixels.
const LEGEND: [i32; 4] = [74, 224, 386, 540];
const LEGEND_Y: i32 = 66;

/// Characters of the title that fit above the plot.
const MOST_IN_TITLE: usize = 80;

/// Losses that span more than this factor get a logarithmic axis.
const LOGARITHMIC_FROM: f64 = 30.0;

/// Larger losses are no use on an axis, and steps between its marks would leave the finite range.
const LARGEST_LOSS: f64 = 1e30;

/// Up to so many epochs, each is marked by a dot.
const MOST_DOTS: usize = 40;

type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<WithKeyPoints<RangedCoordu32>, Axis>>;

/// The best row, see [`EpochRow::is_better_than`], the first of equal ones.
pub fn best_epoch(rows: &[EpochRow]) -> Option<&EpochRow> {
    rows.iter()
        .reduce(|best, row| if row.is_better_than(best) { row } else { best })
}

/// Draws training and validation loss (left axis, logarithmic where they span decades) and validation IoU
/// (right axis, 0 to 1) over the epochs, the epoch with the highest validation IoU marked. The SVG is
/// 960×560 pixels and needs no other file.
///
/// # Errors
/// If there are no rows, a loss or an IoU is not finite, a loss lies beyond ±1e30, or an IoU outside 0 to 1.
pub fn loss_curve_svg(title: &str, rows: &[EpochRow]) -> Result<String> {
    check(rows)?;
    let mut svg = String::new();
    {
        let sheet = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let losses = losses(rows);
        let (least, largest) = losses.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, largest), loss| {
            (least.min(loss), largest.max(loss))
        });
        if least > 0.0 && largest / least > LOGARITHMIC_FROM {
            let axis = Axis::logarithmic(least / 1.3..largest * 1.3);
            draw(&sheet, title, rows, axis, "loss (logarithmic)")
        } else {
            let axis = Axis::linear(loss_range(least, largest));
            draw(&sheet, title, rows, axis, "loss")
        }
        .and_then(|()| sheet.present())
        .map_err(undrawable)?;
    }
    Ok(svg)
}

/// Writes what [`loss_curve_svg`] draws, whole or not at all.
///
/// # Errors
/// Those of [`loss_curve_svg`], and if the file cannot be written.
pub fn write_loss_curve(path: impl AsRef<Path>, title: &str, rows: &[EpochRow]) -> Result<()> {
    let svg = loss_curve_svg(title, rows)?;
    write_atomically(path, |file| file.write_all(svg.as_bytes()))
}

fn check(rows: &[EpochRow]) -> Result<()> {
    if rows.is_empty() {
        return Err(Error::Usage(
            "a loss curve of no epochs was asked for; give at least one".into(),
        ));
    }
    for row in rows {
        for (name, value) in [
            ("training loss", row.training_loss),
            ("validation loss", row.validation_loss),
            ("validation IoU", row.validation_iou),
        ] {
            if !value.is_finite() {
                return Err(Error::NotFinite(format!(
                    "the {name} of epoch {} is {value}; a curve can only show finite numbers",
                    row.epoch
                )));
            }
            if value.abs() > LARGEST_LOSS {
                return Err(Error::Usage(format!(
                    "the {name} of epoch {} is {value:e}; a curve can show numbers up to {LARGEST_LOSS:e}",
                    row.epoch
                )));
            }
        }
        if !(0.0..=1.0).contains(&row.validation_iou) {
            return Err(Error::Usage(format!(
                "the validation IoU of epoch {} is {}; want a number from 0 to 1",
                row.epoch, row.validation_iou
            )));
        }
    }
    Ok(())
}

fn losses(rows: &[EpochRow]) -> impl Iterator<Item = f64> {
    rows.iter()
        .flat_map(|row| [row.training_loss, row.validation_loss])
}

/// From 0 where the losses come near to it, with some room above them.
fn loss_range(least: f64, largest: f64) -> Range<f64> {
    // Losses that hardly differ still need an axis with some length.
    let span = (largest - least).max(1e-3 * least.abs().max(largest.abs()).max(1e-3));
    let room = 0.06 * span;
    let start = if least >= 0.0 && least < span {
        0.0
    } else {
        least - room
    };
    start..largest + room
}

/// Some ten whole numbers from `start` to `end`.
fn whole_marks(start: u32, end: u32) -> Vec<u32> {
    let step = round_step(f64::from(end - start) / 10.0).max(1.0) as u32;
    let first = start.div_ceil(step);
    (first..=end / step).map(|index| index * step).collect()
}

/// The epochs, with one on each side of a single one.
fn epochs(rows: &[EpochRow]) -> Range<u32> {
    let epochs = || rows.iter().map(|row| row.epoch);
    let first = epochs().min().unwrap_or(0);
    let last = epochs().max().unwrap_or(0);
    if first == last {
        first.saturating_sub(1)..last.saturating_add(1)
    } else {
        first..last
    }
}

type Drawn = Result<(), plotters::drawing::DrawingAreaErrorKind<std::io::Error>>;

fn draw<'a>(
    sheet: &DrawingArea<SVGBackend<'a>, Shift>,
    title: &str,
    rows: &[EpochRow],
    loss_axis: Axis,
    loss_name: &str,
) -> Drawn {
    sheet.fill(&WHITE)?;
    let epochs = epochs(rows);
    let epoch_axis = || {
        epochs
            .clone()
            .with_key_points(whole_marks(epochs.start, epochs.end))
    };
    sheet.draw(&Text::new(shortened(title), (LEGEND[0], 24), text(26, INK)))?;

    let chart: Chart<'a> = ChartBuilder::on(sheet)
        .margin_top(92)
        .margin_bottom(14)
        .margin_left(14)
        .margin_right(14)
        .x_label_area_size(48)
        .y_label_area_size(60)
        .right_y_label_area_size(60)
        .build_cartesian_2d(epoch_axis(), loss_axis)?;
    // The right side is the second axis' only if this comes before the first is drawn.
    let mut chart = chart.set_secondary_coord(epoch_axis(), Axis::linear(0.0..1.0));
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(WHITE.mix(0.0))
        .axis_style(HAIRLINE)
        .x_desc("epoch")
        .y_desc(loss_name)
        .label_style(text(16, FAINT_INK))
        .axis_desc_style(text(18, INK))
        .draw()?;
    chart
        .configure_secondary_axes()
        .axis_style(HAIRLINE)
        .y_desc("validation IoU")
        .label_style(text(16, IOU))
        .axis_desc_style(text(18, IOU))
        .draw()?;

    let best = best_epoch(rows).copied();
    if let Some(best) = best {
        let line = [(best.epoch, 0.0), (best.epoch, 1.0)];
        chart.draw_secondary_series([PathElement::new(line, IOU.mix(0.45).stroke_width(1))])?;
    }
    let dots = rows.len() <= MOST_DOTS;
    for (value, colour) in [
        ((|row| row.training_loss) as fn(&EpochRow) -> f64, TRAINING),
        (|row| row.validation_loss, VALIDATION),
    ] {
        let points = || rows.iter().map(move |row| (row.epoch, value(row)));
        chart.draw_series(LineSeries::new(points(), colour.stroke_width(2)))?;
        if dots {
            chart.draw_series(points().map(|point| Circle::new(point, 3, colour.filled())))?;
        }
    }
    let points = || rows.iter().map(|row| (row.epoch, row.validation_iou));
    chart.draw_secondary_series(LineSeries::new(points(), IOU.stroke_width(2)))?;
    if dots {
        chart.draw_secondary_series(points().map(|point| Circle::new(point, 3, IOU.filled())))?;
    }
    if let Some(best) = best {
        let point = (best.epoch, best.validation_iou);
        chart.draw_secondary_series([Circle::new(point, 7, WHITE.filled())])?;
        chart.draw_secondary_series([Circle::new(point, 7, IOU.stroke_width(2))])?;
        chart.draw_secondary_series([Circle::new(point, 3, IOU.filled())])?;
    }

    let entry = |index: usize, swatch: ShapeStyle, ring: bool, meaning: String| -> Drawn {
        let x = LEGEND[index];
        if ring {
            sheet.draw(&Circle::new((x + 13, LEGEND_Y), 7, IOU.stroke_width(2)))?;
            sheet.draw(&Circle::new((x + 13, LEGEND_Y), 3, swatch.filled()))?;
        } else {
            sheet.draw(&PathElement::new([(x, LEGEND_Y), (x + 26, LEGEND_Y)], swatch))?;
        }
        let style = text(18, INK).pos(Pos::new(HPos::Left, VPos::Center));
        sheet.draw(&Text::new(meaning, (x + 34, LEGEND_Y), style))
    };
    entry(0, TRAINING.stroke_width(3), false, "training loss".into())?;
    entry(1, VALIDATION.stroke_width(3), false, "validation loss".into())?;
    entry(2, IOU.stroke_width(3), false, "validation IoU".into())?;
    if let Some(best) = best {
        let meaning = format!("best epoch: {}, IoU {:.4}", best.epoch, best.validation_iou);
        entry(3, IOU.stroke_width(3), true, meaning)?;
    }
    Ok(())
}

/// One line of a title, as much of it as fits.
fn shortened(title: &str) -> String {
    // XML allows no control characters, not even written as entities.
    let plain = |character: char| match character.is_control() {
        true => ' ',
        false => character,
    };
    if title.chars().count() <= MOST_IN_TITLE {
        return title.chars().map(plain).collect();
    }
    let kept: String = title.chars().take(MOST_IN_TITLE - 1).map(plain).collect();
    format!("{}…", kept.trim_end())
}

fn undrawable(cause: impl Display) -> Error {
    Error::Usage(format!("the loss curve cannot be drawn: {cause}"))
}
