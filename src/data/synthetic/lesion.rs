//! A dermoscopy image: skin, the lesion on it, and what else comes before the lens.

use super::artefacts::Artefacts;
use super::canvas::{Canvas, Colour, Plane, blend, filtered, smooth_step, tint};
use super::noise::{fractal, noise};
use super::outline::{Outline, coverage};
use super::pigment::Pigment;
use super::random::Random;
use super::sensor::Sensor;

/// Skin without a lesion.
struct Skin {
    colour: Colour,
    redness: f32,
    lines: f32,
    blotches: Plane,
    grain: Plane,
    wrinkles: Plane,
    slope: (f32, f32),
}

/// Where the lesion is.
struct Border {
    outline: Outline,
    /// How far noise moves the border.
    raggedness: f32,
    ragged: Plane,
    /// Edge width in the direction `soft_side` and opposite to it.
    softness: (f32, f32),
    soft_side: (f32, f32),
}

/// The photograph, and its labels: 0, and 1 in the lesion.
pub(super) fn photograph(mut random: Random, size: usize) -> (Canvas, Vec<u8>) {
    let skin = Skin::new(&mut random, size);
    let border = Border::new(&mut random, size);
    let pigment = Pigment::new(&mut random, size, skin.colour, border.centre(), border.radius());
    let freckles = random.chance(0.25);
    let mut labels = vec![0; size * size];
    let mut canvas = Canvas::new(size, vec![[0.0; 3]; size * size]);
    if freckles {
        canvas.pixels_mut().fill([1.0; 3]);
        paint_freckles(&mut random.fork(), &mut canvas);
    }
    let mut index = 0;
    canvas.paint(|x, y, colour| {
        let freckle = if freckles { *colour } else { [1.0; 3] };
        let bare = filtered(skin.at(index, x, y), freckle);
        let (level, softness) = border.level(index, x, y);
        labels[index] = u8::from(level <= 1.0);
        let cover = coverage(level, softness);
        *colour = bare;
        if cover > 0.0 {
            let inside = pigment.at(index, x, y, level, bare);
            tint(colour, inside, cover);
        }
        index += 1;
    });
    Artefacts::new(&mut random, size).paint(&mut random.fork(), &mut canvas);
    Sensor::new(&mut random, size, 0.0075).expose(&mut random, &mut canvas);
    (canvas, labels)
}

impl Skin {
    fn new(random: &mut Random, size: usize) -> Self {
        Skin {
            colour: skin_colour(random),
            redness: random.between(0.0, 0.09),
            lines: random.between(0.0, 0.035),
            blotches: fractal(&mut random.fork(), size, random.between(2.0, 6.0), 3, 0.55),
            grain: noise(&mut random.fork(), size, random.between(40.0, 110.0)),
            wrinkles: noise(&mut random.fork(), size, random.between(14.0, 34.0)),
            slope: (random.between(-0.25, 0.25), random.between(-0.25, 0.25)),
        }
    }

    fn at(&self, index: usize, x: f32, y: f32) -> Colour {
        let blotch = self.blotches.values()[index];
        // Creases follow where the noise changes its sign.
        let crease = smooth_step(0.35, 0.0, self.wrinkles.values()[index].abs());
        let shade = (1.0 + self.slope.0 * (x - 0.5) + self.slope.1 * (y - 0.5))
            * (1.0 + self.lines * (0.7 * self.grain.values()[index] - crease));
        let red = self.redness * blotch;
        [
            self.colour[0] * shade * (1.0 + 0.3 * red),
            self.colour[1] * shade * (1.0 - red),
            self.colour[2] * shade * (1.0 - 0.9 * red),
        ]
    }
}

/// From light to dark skin, in the tints of different lamps.
fn skin_colour(random: &mut Random) -> Colour {
    const TONES: [Colour; 6] = [
        [0.93, 0.78, 0.74],
        [0.88, 0.70, 0.62],
        [0.80, 0.60, 0.50],
        [0.68, 0.48, 0.38],
        [0.52, 0.34, 0.26],
        [0.36, 0.23, 0.17],
    ];
    // Dermoscopy is done mostly, not only, on light skin.
    let position = 4.999 * random.unit() * random.between(0.35, 1.0);
    let (tone, share) = (position as usize, position - position.floor());
    let mut colour = TONES[tone];
    tint(&mut colour, TONES[tone + 1], share);
    let lamp: Colour = match random.unit() {
        // Pink.
        value if value < 0.3 => [1.0, 0.9, 0.96],
        // Violet.
        value if value < 0.45 => [0.88, 0.86, 1.08],
        // Yellow.
        value if value < 0.55 => [1.0, 0.98, 0.8],
        _ => [1.0, 1.0, 1.0],
    };
    let brightness = random.between(0.8, 1.08);
    let lamp = lamp.map(|value| blend(1.0, value, random.between(0.5, 1.2)) * brightness);
    filtered(colour, lamp)
}

impl Border {
    fn new(random: &mut Random, size: usize) -> Self {
        let radius = match random.unit() {
            share if share < 0.25 => random.between(0.09, 0.18),
            share if share < 0.85 => random.between(0.17, 0.34),
            _ => random.between(0.32, 0.46),
        };
        let reach = if random.chance(0.2) { 0.28 } else { 0.12 };
        let centre = (
            0.5 + random.between(-reach, reach),
            0.5 + random.between(-reach, reach),
        );
        let slim = random.between(0.6, 1.0).sqrt();
        let bumps = random.between(0.02, 0.2);
        let angle = random.angle();
        let outline = Outline::new(random, centre, (radius / slim, radius * slim), angle, 7, bumps);
        let cells = random.between(0.8, 2.2) / radius;
        let soft_angle = random.angle();
        let softest = random.log_between(0.06, 0.6);
        Border {
            outline,
            raggedness: random.between(0.01, 0.11),
            ragged: fractal(&mut random.fork(), size, cells, 4, 0.65),
            softness: (softest, softest * random.between(0.25, 1.0)),
            soft_side: (libm::cosf(soft_angle), libm::sinf(soft_angle)),
        }
    }

    fn centre(&self) -> (f32, f32) {
        (self.outline.x, self.outline.y)
    }

    fn radius(&self) -> f32 {
        self.outline.mean_radius()
    }

    /// The lesion's level at a pixel, 1 on its border, and how soft the border is there.
    fn level(&self, index: usize, x: f32, y: f32) -> (f32, f32) {
        let (level, (across, down)) = self.outline.level(x, y);
        if level > 2.5 {
            return (level, self.softness.0);
        }
        // Without the factor, noise would tear holes into the middle.
        let level = level + self.raggedness * self.ragged.values()[index] * level.min(1.2);
        let facing = 0.5 + 0.5 * (across * self.soft_side.0 + down * self.soft_side.1);
        (level, blend(self.softness.1, self.softness.0, facing))
    }
}

/// Multiplies the white canvas by small brown marks, which are no lesions.
fn paint_freckles(random: &mut Random, canvas: &mut Canvas) {
    for _ in 0..random.whole(2, 25) {
        let at = (random.unit(), random.unit());
        let radius = random.log_between(0.004, 0.025);
        let outline = Outline::new(random, at, (radius, radius), 0.0, 3, 0.2);
        let strength = random.between(0.15, 0.6);
        canvas.paint_around(at, 2.5 * radius, |x, y, colour| {
            let (level, _) = outline.level(x, y);
            let brown = filtered(*colour, [0.7, 0.55, 0.5]);
            tint(colour, brown, strength * coverage(level, 1.0));
        });
    }
}
