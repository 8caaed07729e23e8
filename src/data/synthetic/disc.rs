//! The optic disc, the cup in it, and what lies around it. Lengths are in radii of the disc.

use super::canvas::{Colour, blend, smooth_step, tint};
use super::outline::{Outline, coverage};
use super::random::Random;

/// The least distance between the colours of a disc and of the retina around it, before light and camera, which
/// take about half of it. A dim disc in a photograph of a patient measured 0.10 after them.
const LEAST_DIFFERENCE: f32 = 0.21;

pub(super) struct Disc {
    outline: Outline,
    colour: Colour,
    softness: f32,
    /// How much softer the edge is on the side away from the macula.
    uneven_softness: f32,
    /// How much the colour of the far side fades into the retina's.
    fading: f32,
    mottling: f32,
    cup: Option<Cup>,
    rings: Vec<Ring>,
    /// Direction of the macula.
    macula: (f32, f32),
}

struct Cup {
    outline: Outline,
    /// Multiplies the disc's colour.
    gain: Colour,
    softness: f32,
}

/// A crescent or a ring around the disc.
struct Ring {
    colour: Colour,
    strength: f32,
    /// From the disc's outline outwards.
    width: f32,
    /// Where it is widest.
    direction: (f32, f32),
    /// 1 goes all the way round, 0 half of it.
    closed: f32,
    mottling: f32,
}

/// What the disc is at a point.
pub(super) struct DiscPoint {
    pub in_disc: bool,
    pub in_cup: bool,
}

impl Disc {
    /// A disc in a retina of the colour `base`, with the macula in the direction `macula`.
    pub fn new(random: &mut Random, base: Colour, macula: (f32, f32), with_cup: bool) -> Self {
        // A disc that is seen from the side looks long and bent.
        let tilted = random.chance(0.15);
        let (slim, angle, bump) = if tilted {
            (random.between(0.6, 0.85), random.angle(), 0.07)
        } else {
            (random.between(0.8, 1.0), random.between(-0.5, 0.5), 0.05)
        };
        let radii = (slim.sqrt(), 1.0 / slim.sqrt());
        let outline = Outline::new(random, (0.0, 0.0), radii, angle, 4, bump);
        // The contrast in logarithms: discs hardly brighter than the retina up to glaring ones.
        let green = if random.chance(0.2) {
            random.between(0.25, 0.5)
        } else {
            random.between(0.3, 1.7) * random.between(0.6, 1.0)
        };
        let red = random.between(0.15, 0.45);
        let blue = random.between(0.6, 1.35);
        let white: Colour = [
            random.between(0.9, 1.1),
            random.between(0.7, 1.0),
            random.between(0.35, 0.9),
        ];
        let brightened = |channel: usize, gain: f32| {
            let limit = white[channel].max(1.1 * base[channel]);
            // Bright retinas leave less room above them: the gain bends towards the limit.
            let raised = base[channel] * libm::expf(gain);
            let excess = (raised - base[channel]) / (limit - base[channel]).max(1e-3);
            base[channel] + (limit - base[channel]) * excess / (1.0 + excess * excess).sqrt()
        };
        let greenest = random.between(0.6, 0.86);
        let of_contrast = |green: f32| {
            let raised = [
                brightened(0, red * green),
                brightened(1, green),
                brightened(2, blue * green),
            ];
            warm(raised, base, greenest)
        };
        // A disc that nobody could find in a dark retina would be a label without a picture.
        let mut colour = of_contrast(green);
        for raise in 1..=12 {
            if difference(colour, base) >= LEAST_DIFFERENCE {
                break;
            }
            colour = of_contrast(green * (1.0 + 0.25 * raise as f32));
        }
        let softness = random.log_between(0.04, 0.25);
        let cup = (random.chance(0.8) || with_cup).then(|| Cup::new(random, macula, colour, base, greenest));
        let mut disc = Disc {
            outline,
            colour,
            softness,
            uneven_softness: random.between(0.0, 1.2) * softness.min(0.2),
            fading: random.between(0.0, 0.4) * random.unit(),
            mottling: random.between(0.0, 0.07),
            cup,
            rings: Vec::new(),
            macula,
        };
        disc.add_rings(random, base);
        disc
    }

    fn add_rings(&mut self, random: &mut Random, base: Colour) {
        let temporal = random.between(-0.9, 0.9);
        let towards_macula = turned(self.macula, temporal);
        if random.chance(0.35) {
            // Atrophy: the pigment is gone and pale choroid shows.
            let share = random.between(0.15, 0.6);
            let grey = random.between(0.8, 1.15);
            let pale = [0, 1, 2].map(|channel| grey * blend(base[channel], self.colour[channel], share));
            self.rings.push(Ring {
                colour: pale,
                strength: random.between(0.4, 0.95),
                width: random.between(0.12, 0.7),
                direction: towards_macula,
                closed: random.unit() * random.unit(),
                mottling: random.between(0.0, 0.5),
            });
        }
        if random.chance(0.35) {
            // Pigment crowded at the edge, or a retina that is darker around the disc.
            let dark = random.between(0.35, 0.8);
            let yellow = random.between(0.9, 1.35);
            self.rings.push(Ring {
                colour: [dark * base[0], dark * yellow * base[1], dark * base[2]],
                strength: random.between(0.3, 0.9),
                width: random.log_between(0.1, 1.2),
                direction: turned(self.macula, random.angle()),
                closed: random.unit(),
                mottling: random.between(0.0, 0.4),
            });
        }
        if random.chance(0.3) {
            // The sclera's rim.
            self.rings.push(Ring {
                colour: self.colour.map(|value| 1.08 * value),
                strength: random.between(0.3, 0.9),
                width: random.between(0.05, 0.14),
                direction: turned(self.macula, random.between(-1.5, 1.5)),
                closed: random.unit() * 0.6,
                mottling: random.between(0.0, 0.3),
            });
        }
    }

    /// Paints the disc into `colour`, which holds the retina's at this point; `mottle` is noise of deviation 1.
    pub fn paint(&self, (x, y): (f32, f32), mottle: f32, colour: &mut Colour) -> DiscPoint {
        let distance_squared = x * x + y * y;
        // Nothing of a disc reaches further than its bumps and its widest ring.
        if distance_squared > 9.0 {
            return DiscPoint {
                in_disc: false,
                in_cup: false,
            };
        }
        let (level, _) = self.outline.level(x, y);
        let distance = distance_squared.sqrt().max(1e-6);
        let (across, down) = (x / distance, y / distance);
        for ring in &self.rings {
            ring.paint(level, (across, down), mottle, colour);
        }
        let away = 0.5 - 0.5 * (across * self.macula.0 + down * self.macula.1);
        let softness = self.softness + self.uneven_softness * away;
        let cover = coverage(level, softness);
        let mut in_cup = false;
        if cover > 0.0 {
            let mut inside = self.colour.map(|value| value * (1.0 + self.mottling * mottle));
            if let Some(cup) = &self.cup {
                let (depth, _) = cup.outline.level(x, y);
                in_cup = depth <= 1.0 && level <= 0.97;
                let share = coverage(depth, cup.softness);
                for (value, gain) in inside.iter_mut().zip(cup.gain) {
                    *value *= 1.0 + (gain - 1.0) * share;
                }
            }
            let fade = self.fading * smooth_step(0.0, 1.0, away * level);
            tint(colour, inside, cover * (1.0 - fade));
        }
        DiscPoint {
            in_disc: level <= 1.0,
            in_cup,
        }
    }
}

impl Cup {
    fn new(random: &mut Random, macula: (f32, f32), disc: Colour, base: Colour, greenest: f32) -> Self {
        let size = random.between(0.25, 0.8);
        // The offset keeps the cup inside the disc.
        let offset = random.between(-0.1, 0.5) * (0.85 - size);
        let centre = (
            offset * macula.0,
            offset * macula.1 + random.between(-0.3, 0.3) * (0.85 - size),
        );
        let slim = random.between(0.85, 1.15);
        let angle = random.angle();
        let outline = Outline::new(random, centre, (size * slim, size / slim), angle, 3, 0.07);
        let red = random.between(0.98, 1.12);
        let green = red * random.between(1.03, 1.45);
        let blue = green * random.between(0.95, 1.5);
        let colour = warm(
            [red * disc[0], green * disc[1], blue * disc[2]],
            base,
            greenest + 0.04,
        );
        Cup {
            outline,
            gain: [0, 1, 2].map(|channel| colour[channel] / disc[channel].max(1e-3)),
            softness: random.log_between(0.2, 1.2),
        }
    }
}

impl Ring {
    fn paint(&self, level: f32, (across, down): (f32, f32), mottle: f32, colour: &mut Colour) {
        let facing = 0.5 + 0.5 * (across * self.direction.0 + down * self.direction.1);
        let width = self.width * (self.closed + (1.0 - self.closed) * smooth_step(0.35, 1.0, facing));
        if width < 0.01 || level > 1.0 + 1.3 * width {
            return;
        }
        let share = smooth_step(1.0 + 1.3 * width, 1.0 + 0.4 * width, level);
        let share = self.strength * share * (1.0 - self.mottling * (0.5 + 0.5 * mottle)).clamp(0.0, 1.0);
        tint(colour, self.colour, share);
    }
}

/// Nerve tissue is yellow, pink or white, never green: green stays below the share `greenest` of red, and blue
/// below green, unless the camera mixes them into the whole retina.
fn warm([red, green, blue]: Colour, base: Colour, greenest: f32) -> Colour {
    let green = green.min(red * (1.1 * base[1] / base[0]).max(greenest));
    [red, green, blue.min(green * (1.1 * base[2] / base[1]).max(0.95))]
}

/// The Euclidean distance between two colours, as a camera that saturates at 1 sees them.
fn difference(one: Colour, other: Colour) -> f32 {
    let differences = [0, 1, 2].map(|channel| one[channel].min(1.0) - other[channel].min(1.0));
    let squares = differences.map(|difference| difference * difference);
    (squares[0] + squares[1] + squares[2]).sqrt()
}

fn turned((x, y): (f32, f32), angle: f32) -> (f32, f32) {
    let (cosine, sine) = (libm::cosf(angle), libm::sinf(angle));
    (x * cosine - y * sine, x * sine + y * cosine)
}
