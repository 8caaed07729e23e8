//! The curves of an attack: IoU, L2, L∞ and the multiplier over the iterations.

use asma::TraceRow;
use asma::palette::{BLUISH_GREEN, ORANGE, REDDISH_PURPLE, SKY_BLUE};
use eframe::egui::{Align2, Color32, FontId, Rect, Sense, Stroke, Ui, pos2, vec2};

/// A number of each row, its name, and the largest value of its axis if that is fixed.
type Curve = (&'static str, fn(&TraceRow) -> f32, Option<f32>);

const CURVES: [Curve; 4] = [
    ("IoU", |row| row.iou, Some(1.0)),
    ("L2", |row| row.l2, None),
    ("L∞", |row| row.linf, None),
    ("multiplier", |row| row.multiplier, None),
];

const COLOURS: [Color32; 4] = [
    colour(SKY_BLUE),
    colour(ORANGE),
    colour(BLUISH_GREEN),
    colour(REDDISH_PURPLE),
];

/// A colour of the palette as egui's.
pub const fn colour([red, green, blue]: [u8; 3]) -> Color32 {
    Color32::from_rgb(red, green, blue)
}

/// Draws all of them, side by side.
pub fn show(ui: &mut Ui, trace: &[TraceRow]) {
    let gap = ui.spacing().item_spacing.x;
    let width = (ui.available_width() - 3.0 * gap) / 4.0;
    let height = ui.available_height();
    ui.horizontal(|ui| {
        for ((name, value, most), colour) in CURVES.into_iter().zip(COLOURS) {
            let (rect, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
            draw(ui, rect, name, colour, trace.iter().map(value), most);
        }
    });
}

fn draw(
    ui: &Ui,
    rect: Rect,
    name: &str,
    colour: Color32,
    values: impl ExactSizeIterator<Item = f32>,
    most: Option<f32>,
) {
    let painter = ui.painter().with_clip_rect(rect);
    painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
    let area = rect.shrink2(vec2(4.0, 6.0)).with_min_y(rect.top() + 18.0);
    let values: Vec<f32> = values.collect();
    let largest = values.iter().copied().fold(0.0, f32::max);
    let most = most.unwrap_or(largest).max(f32::MIN_POSITIVE);
    let across = (values.len().max(2) - 1) as f32;
    // No more points than there are columns to tell them apart.
    let stride = (values.len() / (2 * area.width() as usize + 1)).max(1);
    let place = |(index, value): (usize, &f32)| {
        pos2(
            area.left() + area.width() * index as f32 / across,
            area.bottom() - area.height() * (value / most).clamp(0.0, 1.0),
        )
    };
    let mut points: Vec<_> = values.iter().enumerate().step_by(stride).map(place).collect();
    if let Some(last) = values.iter().enumerate().next_back() {
        points.push(place(last));
    }
    painter.line(points, Stroke::new(1.5, colour));
    let now = values.last().map_or(String::new(), |value| match name {
        "IoU" => format!("{value:.4}"),
        "multiplier" => format!("{value:.3e}"),
        _ => format!("{value:.4}"),
    });
    let font = FontId::proportional(12.0);
    let text = ui.visuals().text_color();
    painter.text(
        rect.left_top() + vec2(5.0, 3.0),
        Align2::LEFT_TOP,
        name,
        font.clone(),
        text,
    );
    painter.text(
        rect.right_top() + vec2(-5.0, 3.0),
        Align2::RIGHT_TOP,
        now,
        font,
        colour,
    );
}
