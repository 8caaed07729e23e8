//! A small plot of IoU and L₂ over the iterations.

use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};

use super::canvas::{Anchor, Canvas, FAINT_INK, HAIRLINE, WHITE, pixel_at};
use crate::statistics::TraceRow;

const IOU_COLOUR: Rgb<u8> = Rgb([0, 114, 178]);
const L2_COLOUR: Rgb<u8> = Rgb([196, 78, 0]);

/// Curves are drawn this many times larger and scaled down, which smooths them.
const OVERSAMPLING: u32 = 4;

const TEXT: f32 = 16.0;

/// Draws the plot into the square of `side` pixels at `x`, `y`, with what the IoU is called above it.
pub(super) fn draw_plot(canvas: &mut Canvas, trace: &[TraceRow], iou_name: &str, x: i32, y: i32, side: u32) {
    let finite: Vec<&TraceRow> = trace
        .iter()
        .filter(|row| row.iou.is_finite() && row.l2.is_finite())
        .collect();
    let (left, right, top, bottom) = (36, 40, 26, 44);
    let (width, height) = (
        side.saturating_sub(left + right),
        side.saturating_sub(top + bottom),
    );
    let (area_x, area_y) = (x + left as i32, y + top as i32);
    let largest_l2 = finite.iter().map(|row| row.l2).fold(0.0, f32::max);
    let l2_axis = axis_end(largest_l2);
    let first = finite.first().map_or(0, |row| row.iteration);
    let last = finite.last().map_or(0, |row| row.iteration);

    let curve = |value: &dyn Fn(&TraceRow) -> f32| -> Vec<(f32, f32)> {
        let span = last.saturating_sub(first).max(1) as f32;
        let across = |row: &TraceRow| row.iteration.saturating_sub(first) as f32 / span;
        finite.iter().map(|row| (across(row), value(row))).collect()
    };
    let mut area = RgbImage::from_pixel(width * OVERSAMPLING, height * OVERSAMPLING, WHITE);
    for share in [0.25, 0.5, 0.75] {
        let row = ((1.0 - share) * area.height() as f32) as u32;
        for line in row..(row + OVERSAMPLING).min(area.height()) {
            for column in 0..area.width() {
                area.put_pixel(column, line, Rgb([230, 232, 235]));
            }
        }
    }
    draw_curve(&mut area, &curve(&|row| row.l2 / l2_axis), L2_COLOUR);
    draw_curve(&mut area, &curve(&|row| row.iou), IOU_COLOUR);
    canvas.paste(
        &resize(&area, width, height, FilterType::Triangle),
        area_x,
        area_y,
    );
    canvas.frame(area_x, area_y, width, height, HAIRLINE);

    let (end_x, end_y) = (area_x + width as i32, area_y + height as i32);
    for share in [0.0, 0.5, 1.0] {
        let line = end_y - (share * height as f32) as i32 - 9;
        canvas.text(area_x - 7, line, TEXT, IOU_COLOUR, Anchor::Right, &plain(share));
        canvas.text(
            end_x + 7,
            line,
            TEXT,
            L2_COLOUR,
            Anchor::Left,
            &plain(share * l2_axis),
        );
    }
    canvas.text(area_x, y, TEXT, IOU_COLOUR, Anchor::Left, iou_name);
    canvas.text(end_x, y, TEXT, L2_COLOUR, Anchor::Right, "L₂");
    canvas.text(
        area_x,
        end_y + 6,
        TEXT,
        FAINT_INK,
        Anchor::Left,
        &first.to_string(),
    );
    canvas.text(
        end_x,
        end_y + 6,
        TEXT,
        FAINT_INK,
        Anchor::Right,
        &last.to_string(),
    );
    let middle = area_x + width as i32 / 2;
    canvas.text(middle, end_y + 6, TEXT, FAINT_INK, Anchor::Centre, "iteration");
}

/// Draws points whose coordinates are 0 to 1, from the lower left corner, and the lines between them.
fn draw_curve(area: &mut RgbImage, points: &[(f32, f32)], colour: Rgb<u8>) {
    let (width, height) = (area.width() as f32 - 1.0, area.height() as f32 - 1.0);
    let radius = OVERSAMPLING as i32;
    let place = |&(x, y): &(f32, f32)| (x.clamp(0.0, 1.0) * width, (1.0 - y.clamp(0.0, 1.0)) * height);
    let mut previous = points.first().map(place);
    for (x, y) in points.iter().map(place) {
        let (from_x, from_y) = previous.unwrap_or((x, y));
        let steps = (x - from_x).abs().max((y - from_y).abs()).ceil().max(1.0);
        for step in 0..=steps as u32 {
            let share = step as f32 / steps;
            let (x, y) = (from_x + share * (x - from_x), from_y + share * (y - from_y));
            draw_disc(area, x as i32, y as i32, radius, colour);
        }
        previous = Some((x, y));
    }
}

/// Around a pixel, as far as it lies in the picture.
fn draw_disc(area: &mut RgbImage, x: i32, y: i32, radius: i32, colour: Rgb<u8>) {
    for down in -radius..=radius {
        for across in -radius..=radius {
            if across * across + down * down <= radius * radius
                && let Some(pixel) = pixel_at(area, x + across, y + down)
            {
                *pixel = colour;
            }
        }
    }
}

/// The smallest of 1, 2, 4 and 6 times a power of ten that is not below `largest`; 1 if that is nothing.
/// The multiples halve to numbers that are short to write.
fn axis_end(largest: f32) -> f32 {
    if largest <= 0.0 {
        return 1.0;
    }
    let power = 10f32.powf(largest.log10().floor());
    [1.0, 2.0, 4.0, 6.0, 10.0]
        .map(|multiple| multiple * power)
        .into_iter()
        .find(|&end| end >= largest)
        .unwrap_or(largest)
}

/// A short number: no more digits than it needs.
fn plain(value: f32) -> String {
    match value {
        0.0 => "0".into(),
        value if value.abs() < 1e-3 => format!("{value:.0e}"),
        value => ((f64::from(value) * 1e5).round() / 1e5).to_string(),
    }
}
