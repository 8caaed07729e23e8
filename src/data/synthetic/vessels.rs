//! The vessels of the retina: trees that leave the disc, arch around the macula, branch and taper.
//!
//! Lengths here are in radii of the disc. The eye's own frame has the disc in the origin, the macula to the
//! right and up at negative `y`.

use super::canvas::Plane;
use super::random::Random;
use super::stroke::{StrokePoint, draw_stroke};
use super::view::View;

/// How much of arteries and of veins covers each pixel.
pub(super) struct Vessels {
    pub arteries: Plane,
    pub veins: Plane,
}

/// How the vessels of one eye look.
struct Style {
    /// How restless the vessels' courses are, radians per step.
    wandering: f32,
    /// Branches for each radius of length.
    branching: f32,
    /// Softness of the vessels' edges, in pixels.
    softness: f32,
    /// Coverage of a thick vessel.
    strength: f32,
    /// Length of a step.
    step: f32,
}

/// The tip of a growing vessel.
#[derive(Clone, Copy)]
struct Tip {
    x: f32,
    y: f32,
    /// Radians from the direction of the macula, positive downwards.
    heading: f32,
    half_width: f32,
    /// Where the vessel heads for at last.
    aim: f32,
    /// How far from the disc's centre it has turned there.
    turn: f32,
    /// Branches of branches still allowed.
    generations: usize,
}

pub(super) fn vessels(random: &mut Random, view: &View) -> Vessels {
    let size = view.size as f32;
    let style = Style {
        wandering: random.between(0.05, 0.16),
        branching: random.between(0.25, 0.75),
        softness: (size * random.between(0.003, 0.009)).max(0.8),
        strength: random.between(0.55, 0.95),
        step: (0.018 / view.radius).clamp(0.06, 0.25),
    };
    let mut drawn = Vessels {
        arteries: Plane::zeros(view.size),
        veins: Plane::zeros(view.size),
    };
    // Vessels come up on the side away from the macula, a little apart from each other.
    let origin = (random.between(-0.35, 0.1), random.between(-0.15, 0.15));
    let width = random.between(0.8, 1.25);
    for vein in [false, true] {
        for up in [-1.0, 1.0] {
            for temporal in [true, false] {
                if random.chance(0.1) {
                    continue;
                }
                let half_width = width
                    * match (vein, temporal) {
                        (true, true) => random.between(0.055, 0.095),
                        (true, false) => random.between(0.045, 0.08),
                        (false, true) => random.between(0.042, 0.075),
                        (false, false) => random.between(0.035, 0.06),
                    };
                let (start, aim) = if temporal {
                    (random.between(0.75, 1.9), random.between(-0.15, 0.6))
                } else {
                    (random.between(1.3, 2.6), random.between(1.8, 2.8))
                };
                let tip = Tip {
                    x: origin.0 + random.between(-0.09, 0.09),
                    y: origin.1 + up * random.between(-0.05, 0.15),
                    heading: up * start,
                    half_width,
                    aim: up * aim,
                    turn: random.between(3.0, 7.0),
                    generations: 3,
                };
                grow(random, view, &style, tip, plane(&mut drawn, vein));
            }
        }
    }
    for _ in 0..random.whole(2, 9) {
        let heading = random.angle() - std::f32::consts::PI;
        let reach = random.between(0.0, 0.6);
        let tip = Tip {
            x: origin.0 + reach * libm::cosf(heading),
            y: origin.1 + reach * libm::sinf(heading),
            heading,
            half_width: random.between(0.015, 0.04),
            aim: heading + random.between(-0.5, 0.5),
            turn: random.between(1.0, 4.0),
            generations: 1,
        };
        let vein = random.chance(0.5);
        grow(random, view, &style, tip, plane(&mut drawn, vein));
    }
    drawn
}

fn plane(drawn: &mut Vessels, vein: bool) -> &mut Plane {
    if vein {
        &mut drawn.veins
    } else {
        &mut drawn.arteries
    }
}

/// Follows a vessel until it leaves the image or is too thin to see, and its branches after it.
fn grow(random: &mut Random, view: &View, style: &Style, tip: Tip, plane: &mut Plane) {
    let mut waiting = vec![tip];
    // The first vessel comes up out of the disc: its beginning is hidden.
    let mut hidden = random.between(0.2, 0.45);
    while let Some(mut tip) = waiting.pop() {
        let mut points = vec![stroke_point(view, &tip, 1.0 - hidden / 0.5)];
        let (mut bend, start, mut length) = (0.0, tip.heading, 0.0);
        let mut next_branch = random.between(0.3, 1.6) / style.branching;
        let thinnest = (0.12 / (view.radius * view.size as f32)).max(0.006);
        while tip.half_width > thinnest && points.len() < 220 {
            let distance = (tip.x * tip.x + tip.y * tip.y).sqrt();
            let wanted = start + (tip.aim - start) * (distance / tip.turn).min(1.0);
            bend = 0.75 * bend + style.wandering * random.normal();
            tip.heading += 0.22 * (wanted - tip.heading) + bend * 0.5;
            tip.x += style.step * libm::cosf(tip.heading);
            tip.y += style.step * libm::sinf(tip.heading);
            tip.half_width *= 1.0 - 0.035 * style.step;
            length += style.step;
            hidden = (hidden - style.step).max(0.0);
            let point = stroke_point(view, &tip, 1.0 - hidden / 0.5);
            points.push(point);
            if outside(view, point) {
                break;
            }
            if length > next_branch && tip.generations > 0 && distance > 0.4 {
                next_branch = length + random.between(0.5, 1.5) / style.branching;
                let angle = random.sign() * random.between(0.35, 0.95);
                let share = random.between(0.45, 0.85);
                let heading = tip.heading + angle;
                waiting.push(Tip {
                    heading,
                    half_width: tip.half_width * share,
                    aim: heading - angle * random.between(0.0, 0.9),
                    turn: distance + random.between(1.0, 4.0),
                    generations: tip.generations - 1,
                    ..tip
                });
                tip.half_width *= 1.0 - 0.22 * share;
                tip.heading -= 0.2 * angle;
            }
        }
        hidden = 0.0;
        let relative = (tip.half_width / 0.05).min(1.0);
        let strength = style.strength * (0.55 + 0.45 * relative);
        draw_stroke(plane, &points, strength, style.softness);
    }
}

/// The vessel's tip in pixels, with this share of its width.
fn stroke_point(view: &View, tip: &Tip, share: f32) -> StrokePoint {
    let (x, y) = view.pixel(view.of_eye(tip.x, tip.y));
    StrokePoint {
        x,
        y,
        half_width: share * tip.half_width * view.radius * view.size as f32,
    }
}

/// Whether a point is so far outside that a vessel is not expected back.
fn outside(view: &View, point: StrokePoint) -> bool {
    let size = view.size as f32;
    let range = -0.25 * size..1.25 * size;
    !range.contains(&point.x) || !range.contains(&point.y)
}
