//! Lines with a width: vessels, hairs, ruler marks.

use super::canvas::{Plane, smooth_step};

/// A point of a stroke, in pixels.
#[derive(Clone, Copy)]
pub(super) struct StrokePoint {
    pub x: f32,
    pub y: f32,
    /// Half the stroke's width.
    pub half_width: f32,
}

/// Draws a stroke into a plane of coverages: `strength` on the line, 0 outside its width, with an edge of
/// `softness` pixels. Where strokes meet, the stronger one counts.
pub(super) fn draw_stroke(plane: &mut Plane, points: &[StrokePoint], strength: f32, softness: f32) {
    for pair in points.windows(2) {
        draw_segment(plane, pair[0], pair[1], strength, softness);
    }
}

fn draw_segment(plane: &mut Plane, from: StrokePoint, to: StrokePoint, strength: f32, softness: f32) {
    let size = plane.size();
    let reach = from.half_width.max(to.half_width) + softness;
    let limit = |value: f32| value.clamp(0.0, size as f32) as usize;
    let columns = limit((from.x.min(to.x) - reach).floor())..limit((from.x.max(to.x) + reach).ceil() + 1.0);
    let rows = limit((from.y.min(to.y) - reach).floor())..limit((from.y.max(to.y) + reach).ceil() + 1.0);
    let (along_x, along_y) = (to.x - from.x, to.y - from.y);
    let squared = (along_x * along_x + along_y * along_y).max(1e-6);
    for row in rows {
        let down = row as f32 + 0.5 - from.y;
        for column in columns.clone() {
            let across = column as f32 + 0.5 - from.x;
            let along = ((across * along_x + down * along_y) / squared).clamp(0.0, 1.0);
            let (dx, dy) = (across - along * along_x, down - along * along_y);
            let half_width = from.half_width + along * (to.half_width - from.half_width);
            let distance_squared = dx * dx + dy * dy;
            let outer = half_width + softness / 2.0;
            if distance_squared >= outer * outer {
                continue;
            }
            // A line thinner than a pixel covers it in part only.
            let thin = (2.0 * half_width).min(1.0);
            let inner = half_width - softness / 2.0;
            let covered = thin * smooth_step(outer, inner, distance_squared.sqrt());
            let value = &mut plane.values_mut()[row * size + column];
            *value = value.max(strength * covered);
        }
    }
}
