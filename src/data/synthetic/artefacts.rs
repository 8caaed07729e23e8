//! What lies between skin and lens: hairs, bubbles in the gel, ruler marks, pen, stickers, dark corners.

use super::canvas::{Canvas, Colour, Plane, smooth_step, tint};
use super::outline::{Outline, coverage};
use super::random::Random;
use super::stroke::{StrokePoint, draw_stroke};

pub(super) struct Artefacts {
    hairs: usize,
    bubbles: usize,
    ruler: bool,
    pen: bool,
    sticker: bool,
    vignette: f32,
    /// Centre, radius and softness of the dark corners' inner edge.
    corners: Option<(f32, f32, f32, f32)>,
    corner_colour: Colour,
}

impl Artefacts {
    pub fn new(random: &mut Random, size: usize) -> Self {
        let hairs = match random.unit() {
            share if share < 0.5 => 0,
            share if share < 0.85 => random.whole(1, 14),
            _ => random.whole(12, 45),
        };
        Artefacts {
            hairs,
            bubbles: if random.chance(0.25) {
                random.whole(1, 14)
            } else {
                0
            },
            ruler: random.chance(0.15),
            pen: random.chance(0.1),
            sticker: random.chance(0.08),
            vignette: random.between(0.0, 0.9) * random.unit(),
            corners: random.chance(0.25).then(|| {
                (
                    random.between(0.46, 0.54),
                    random.between(0.46, 0.54),
                    random.between(0.5, 0.68),
                    random.log_between(1.0 / size as f32, 0.08),
                )
            }),
            corner_colour: [random.between(0.0, 0.06); 3],
        }
    }

    pub fn paint(&self, random: &mut Random, canvas: &mut Canvas) {
        if self.sticker {
            stickers(random, canvas);
        }
        if self.pen {
            pen(random, canvas);
        }
        if self.ruler {
            ruler(random, canvas);
        }
        if self.hairs > 0 {
            hairs(random, canvas, self.hairs);
        }
        for _ in 0..self.bubbles {
            bubble(random, canvas);
        }
        canvas.paint(|x, y, colour| {
            let (dx, dy) = (x - 0.5, y - 0.5);
            let fading = 1.0 / (1.0 + self.vignette * 2.0 * (dx * dx + dy * dy));
            *colour = colour.map(|value| value * fading);
            if let Some((centre_x, centre_y, radius, softness)) = self.corners {
                let (dx, dy) = (x - centre_x, y - centre_y);
                let distance = (dx * dx + dy * dy).sqrt();
                let dark = smooth_step(radius - softness, radius + softness, distance);
                tint(colour, self.corner_colour, dark);
            }
        });
    }
}

/// Lays the strokes of a plane over the canvas.
fn lay(canvas: &mut Canvas, plane: &Plane, to: Colour) {
    for (colour, &share) in canvas.pixels_mut().iter_mut().zip(plane.values()) {
        if share > 0.0 {
            tint(colour, to, share);
        }
    }
}

fn hairs(random: &mut Random, canvas: &mut Canvas, count: usize) {
    let size = canvas.size() as f32;
    let dark: Colour = match random.unit() {
        share if share < 0.6 => [0.12, 0.09, 0.08],
        share if share < 0.85 => [0.3, 0.2, 0.13],
        _ => [0.92, 0.87, 0.8],
    };
    let mut plane = Plane::zeros(canvas.size());
    let common = random.angle();
    let disorder = random.between(0.15, 1.6);
    let typical = random.log_between(0.0012, 0.0045);
    for _ in 0..count {
        let mut heading = common + disorder * random.normal();
        let step = 0.03;
        let bend = random.between(-0.09, 0.09);
        let steps = random.whole(8, 45);
        let thickness = size * typical * random.between(0.6, 1.4);
        let (mut x, mut y) = (random.between(-0.2, 1.1), random.between(-0.2, 1.1));
        let mut points = Vec::with_capacity(steps);
        for number in 0..steps {
            let taper = 1.0 - 0.7 * number as f32 / steps as f32;
            points.push(StrokePoint {
                x: x * size,
                y: y * size,
                half_width: thickness * taper,
            });
            heading += bend + 0.02 * random.normal();
            x += step * libm::cosf(heading);
            y += step * libm::sinf(heading);
        }
        let strength = random.between(0.5, 0.95);
        draw_stroke(&mut plane, &points, strength, (0.004 * size).max(0.8));
    }
    lay(canvas, &plane, dark);
}

fn ruler(random: &mut Random, canvas: &mut Canvas) {
    let size = canvas.size() as f32;
    let mut plane = Plane::zeros(canvas.size());
    let spacing = random.between(0.02, 0.06);
    let edge = random.between(0.02, 0.12);
    let length = random.between(0.02, 0.05);
    let long_every = if random.chance(0.5) { 5 } else { 10 };
    let half_width = size * random.between(0.001, 0.003);
    let (flipped, far) = (random.chance(0.5), random.chance(0.5));
    let slant = random.between(-0.08, 0.08);
    let point = |along: f32, depth: f32| {
        let across = edge + depth + slant * along;
        let across = if far { 1.0 - across } else { across };
        let (x, y) = if flipped { (across, along) } else { (along, across) };
        StrokePoint {
            x: x * size,
            y: y * size,
            half_width,
        }
    };
    let softness = (0.003 * size).max(0.8);
    for mark in 0..(1.0 / spacing) as usize + 1 {
        let along = spacing * (mark as f32 + 0.3);
        let depth = length * if mark % long_every == 0 { 1.9 } else { 1.0 };
        draw_stroke(
            &mut plane,
            &[point(along, 0.0), point(along, depth)],
            0.85,
            softness,
        );
    }
    if random.chance(0.5) {
        draw_stroke(&mut plane, &[point(0.0, 0.0), point(1.0, 0.0)], 0.85, softness);
    }
    lay(canvas, &plane, [0.06, 0.06, 0.08]);
}

fn pen(random: &mut Random, canvas: &mut Canvas) {
    let size = canvas.size() as f32;
    let ink: Colour = if random.chance(0.7) {
        [0.3, 0.2, 0.5]
    } else {
        [0.15, 0.3, 0.5]
    };
    let mut plane = Plane::zeros(canvas.size());
    for _ in 0..random.whole(1, 4) {
        let side = random.angle();
        let (mut x, mut y) = (0.5 + 0.48 * libm::cosf(side), 0.5 + 0.48 * libm::sinf(side));
        let mut heading = random.angle();
        let half_width = size * random.between(0.006, 0.018);
        let bend = random.between(-0.25, 0.25);
        let mut points = Vec::new();
        for _ in 0..random.whole(3, 9) {
            points.push(StrokePoint {
                x: x * size,
                y: y * size,
                half_width,
            });
            x += 0.035 * libm::cosf(heading);
            y += 0.035 * libm::sinf(heading);
            heading += bend + 0.15 * random.normal();
        }
        let strength = random.between(0.35, 0.75);
        draw_stroke(&mut plane, &points, strength, 0.015 * size);
    }
    lay(canvas, &plane, ink);
}

/// Coloured stickers that clinics lay beside lesions of children.
fn stickers(random: &mut Random, canvas: &mut Canvas) {
    const COLOURS: [Colour; 5] = [
        [0.15, 0.35, 0.75],
        [0.2, 0.6, 0.35],
        [0.9, 0.75, 0.2],
        [0.9, 0.45, 0.15],
        [0.75, 0.15, 0.2],
    ];
    for _ in 0..random.whole(1, 2) {
        let to = COLOURS[random.whole(0, COLOURS.len() - 1)];
        let side = random.angle();
        let away = random.between(0.55, 0.7);
        let at = (0.5 + away * libm::cosf(side), 0.5 + away * libm::sinf(side));
        let radii = (random.between(0.1, 0.24), random.between(0.1, 0.24));
        let angle = random.angle();
        let outline = Outline::new(random, at, radii, angle, 1, 0.03);
        let strength = random.between(0.75, 0.97);
        canvas.paint_around(at, 0.3, |x, y, colour| {
            let (level, _) = outline.level(x, y);
            tint(colour, to, strength * coverage(level, 0.06));
        });
    }
}

/// A bubble in the gel: a dark rim, a bright one within, and the lamp's reflection.
fn bubble(random: &mut Random, canvas: &mut Canvas) {
    let at = (random.unit(), random.unit());
    let radius = random.log_between(0.006, 0.06);
    let lamp = random.angle();
    let (lamp_x, lamp_y) = (libm::cosf(lamp), libm::sinf(lamp));
    let strength = random.between(0.3, 0.9);
    let shine = (at.0 + 0.5 * radius * lamp_x, at.1 + 0.5 * radius * lamp_y);
    canvas.paint_around(at, 1.3 * radius, |x, y, colour| {
        let (dx, dy) = ((x - at.0) / radius, (y - at.1) / radius);
        let level = (dx * dx + dy * dy).sqrt();
        let rim = smooth_step(0.75, 0.95, level) * smooth_step(1.15, 1.0, level);
        let facing = (dx * lamp_x + dy * lamp_y) / level.max(0.1);
        let dark = colour.map(|value| 0.6 * value);
        tint(colour, dark, strength * rim);
        let inner = smooth_step(0.55, 0.8, level) * smooth_step(0.95, 0.85, level);
        tint(
            colour,
            [1.0; 3],
            0.6 * strength * inner * smooth_step(0.0, -1.0, facing),
        );
        let (sx, sy) = ((x - shine.0) / radius, (y - shine.1) / radius);
        let spot = smooth_step(0.32, 0.1, (sx * sx + sy * sy).sqrt());
        tint(colour, [1.0; 3], strength * spot);
    });
}
