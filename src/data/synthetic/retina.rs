//! The retina behind disc and vessels, the light on it, and the camera's aperture.

use super::canvas::{Canvas, Colour, Plane, smooth_step, tint};
use super::noise::{Lattice, fractal, noise};
use super::outline::{Outline, coverage};
use super::random::Random;
use super::view::View;

/// The colour that a camera gives a retina: red, then green as a share of red, then blue as a share of green.
pub(super) fn camera_colour(random: &mut Random) -> Colour {
    let [red, green, blue] = match random.unit() {
        // Saturated red, as close-ups of the disc often are.
        share if share < 0.38 => [(0.38, 0.85), (0.1, 0.3), (0.18, 0.4)],
        // Orange.
        share if share < 0.6 => [(0.6, 0.95), (0.32, 0.55), (0.2, 0.5)],
        // Pink.
        share if share < 0.78 => [(0.5, 0.85), (0.4, 0.62), (0.45, 0.8)],
        // Brown and dark.
        share if share < 0.9 => [(0.25, 0.5), (0.3, 0.6), (0.25, 0.6)],
        // Greenish.
        share if share < 0.94 => [(0.35, 0.6), (0.65, 0.95), (0.3, 0.7)],
        // Over-exposed.
        _ => [(0.85, 1.0), (0.5, 0.7), (0.4, 0.75)],
    };
    let red = random.between(red.0, red.1);
    let green = red * random.between(green.0, green.1);
    [red, green, green * random.between(blue.0, blue.1)]
}

/// The part of the image that light reaches.
pub(super) enum Aperture {
    /// All of it.
    Full,
    /// A circle.
    Circle {
        x: f32,
        y: f32,
        radius: f32,
        softness: f32,
    },
    /// All but strips at the left, top, right and bottom.
    Strips { widths: [f32; 4], softness: f32 },
}

impl Aperture {
    /// An aperture for a view in which the disc has this radius: circles are seen in wide views.
    pub fn new(random: &mut Random, disc_radius: f32) -> Self {
        let wide = disc_radius < 0.12;
        let softness = random.log_between(0.003, 0.03);
        let choice = random.unit();
        if choice < if wide { 0.6 } else { 0.2 } {
            let offset = if wide { 0.05 } else { 0.2 };
            Aperture::Circle {
                x: 0.5 + random.between(-offset, offset),
                y: 0.5 + random.between(-offset, offset),
                radius: random.between(0.47, 0.68) + if wide { 0.0 } else { 0.1 },
                softness,
            }
        } else if choice < 0.75 {
            let widths = [0, 1, 2, 3].map(|_| {
                if random.chance(0.35) {
                    random.between(0.005, 0.07)
                } else {
                    0.0
                }
            });
            Aperture::Strips {
                widths,
                softness: softness * 0.5,
            }
        } else {
            Aperture::Full
        }
    }

    /// How far it is open at a point in fractions of the side, 0 to 1.
    pub fn open(&self, x: f32, y: f32) -> f32 {
        match *self {
            Aperture::Full => 1.0,
            Aperture::Circle {
                x: centre_x,
                y: centre_y,
                radius,
                softness,
            } => {
                let (dx, dy) = (x - centre_x, y - centre_y);
                let distance = (dx * dx + dy * dy).sqrt();
                smooth_step(radius + softness, radius - softness, distance)
            }
            Aperture::Strips { widths, softness } => [x, y, 1.0 - x, 1.0 - y]
                .into_iter()
                .zip(widths)
                .filter(|(_, width)| *width > 0.0)
                .map(|(distance, width)| smooth_step(width - softness, width + softness, distance))
                .fold(1.0, f32::min),
        }
    }
}

/// The light on the retina: uneven, fading outwards, with a veil before it.
pub(super) struct Light {
    brightness: f32,
    slope: (f32, f32),
    centre: (f32, f32),
    vignette: f32,
    unevenness: f32,
    clouds: Plane,
    veil: Colour,
    veil_share: f32,
    /// A reflection at the edge of the field: where it comes from and how strong it is.
    glare: Option<(f32, f32, f32)>,
}

impl Light {
    pub fn new(random: &mut Random, aperture: &Aperture, size: usize) -> Self {
        let centre = match aperture {
            Aperture::Circle { x, y, .. } => (*x, *y),
            _ => (random.between(0.2, 0.8), random.between(0.2, 0.8)),
        };
        let direction = random.angle();
        let steepness = 1.1 * random.unit() * random.unit().max(random.unit());
        let glare_angle = random.angle();
        let blue = random.between(0.3, 1.0);
        Light {
            brightness: random.between(0.75, 1.15),
            slope: (
                steepness * libm::cosf(direction),
                steepness * libm::sinf(direction),
            ),
            centre,
            vignette: random.between(0.0, 1.3),
            unevenness: random.between(0.03, 0.2),
            clouds: fractal(&mut random.fork(), size, 2.5, 2, 0.5),
            veil: [random.between(0.6, 0.9), random.between(0.4, 0.8), 0.7 * blue],
            veil_share: if random.chance(0.3) {
                random.between(0.03, 0.22)
            } else {
                0.0
            },
            glare: random.chance(0.12).then(|| {
                (
                    0.5 + 0.6 * libm::cosf(glare_angle),
                    0.5 + 0.6 * libm::sinf(glare_angle),
                    random.between(0.1, 0.35),
                )
            }),
        }
    }

    /// The same light, but as bright as a photographer of what is at (`x`, `y`) would at least make it there.
    pub fn exposed_for(mut self, x: f32, y: f32) -> Self {
        self.brightness *= (0.7 / self.at(x, y).max(0.1)).max(1.0);
        self
    }

    /// The light on (`x`, `y`) without clouds.
    fn at(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) = (x - self.centre.0, y - self.centre.1);
        let slope = 1.0 + self.slope.0 * (x - 0.5) + self.slope.1 * (y - 0.5);
        let fading = 1.0 / (1.0 + self.vignette * (dx * dx + dy * dy) * 2.0);
        self.brightness * slope * fading
    }

    /// Turns what pixel `index` at (`x`, `y`) reflects into what the camera receives.
    pub fn shine(&self, index: usize, x: f32, y: f32, colour: &mut Colour) {
        let cloud = self.clouds.values()[index];
        let light = self.at(x, y) * (1.0 + self.unevenness * cloud).max(0.2);
        for value in colour.iter_mut() {
            *value *= light;
        }
        let mut veil = self.veil_share * (1.0 + 0.4 * cloud);
        if let Some((glare_x, glare_y, strength)) = self.glare {
            let (dx, dy) = (x - glare_x, y - glare_y);
            veil += strength * smooth_step(0.45, 0.1, (dx * dx + dy * dy).sqrt());
        }
        tint(colour, self.veil, veil.clamp(0.0, 0.8));
    }
}

/// The retina without disc and vessels.
pub(super) struct Retina {
    base: Colour,
    blotches: Plane,
    grain: Plane,
    /// How blotches and grain change red, green and blue.
    blotch_gain: Colour,
    grain_gain: f32,
    /// Pale bands of choroid between dark pigment.
    choroid: Option<(Plane, f32)>,
    pigment_from: f32,
    pigment: f32,
    fibres: f32,
    /// Lattice cells in the radius of the circle that fibres are read from.
    fibre_count: f32,
    fibre_lattice: Lattice,
    /// How much the thick layers of fibres above and below the disc reflect, and how far they reach.
    sheen: f32,
    sheen_reach: f32,
    /// The direction of the macula.
    axis: (f32, f32),
    macula: (f32, f32),
    macula_radius: f32,
    macula_depth: f32,
    fovea_depth: f32,
}

impl Retina {
    pub fn new(random: &mut Random, view: &View, base: Colour) -> Self {
        let size = view.size;
        let cells = (1.0 / view.radius).clamp(3.0, 16.0);
        let blotch = random.between(0.03, 0.16);
        let choroid = random.chance(0.35).then(|| {
            let cells = cells * random.between(1.0, 2.2);
            let mut bands = noise(&mut random.fork(), size, cells);
            let other = noise(&mut random.fork(), size, 1.7 * cells);
            for (band, other) in bands.values_mut().iter_mut().zip(other.values()) {
                let ridge = (*band).abs().min(other.abs() + 0.15);
                *band = smooth_step(0.7, 0.05, ridge) - 0.4;
            }
            (bands, random.between(0.04, 0.2))
        });
        let macula = view.of_eye(random.between(4.4, 5.6), random.between(-0.2, 0.9));
        Retina {
            base,
            blotches: fractal(&mut random.fork(), size, cells, 3, 0.6),
            grain: noise(&mut random.fork(), size, random.between(30.0, 80.0)),
            blotch_gain: [
                blotch * random.between(0.5, 1.2),
                blotch * random.between(0.8, 1.8),
                blotch * random.between(0.5, 1.6),
            ],
            grain_gain: random.between(0.0, 0.06),
            choroid,
            pigment_from: random.between(0.8, 2.2),
            pigment: if random.chance(0.5) {
                random.between(0.1, 0.45)
            } else {
                0.0
            },
            fibres: if random.chance(0.3) {
                random.between(0.02, 0.09)
            } else {
                0.0
            },
            fibre_count: random.between(14.0, 32.0),
            fibre_lattice: Lattice::new(&mut random.fork(), 60),
            sheen: if random.chance(0.5) {
                random.between(0.05, 0.35)
            } else {
                0.0
            },
            sheen_reach: random.between(1.6, 4.0),
            axis: view.of_eye(1.0, 0.0),
            macula,
            macula_radius: random.between(1.2, 2.6),
            macula_depth: random.between(0.1, 0.55),
            fovea_depth: random.between(0.0, 0.4),
        }
    }

    /// The colour of pixel `index`, seen from the disc at `point`, in radii.
    pub fn paint(&self, index: usize, (x, y): (f32, f32), colour: &mut Colour) {
        let blotch = self.blotches.values()[index];
        let grain = self.grain.values()[index];
        let (dx, dy) = (x - self.macula.0, y - self.macula.1);
        let to_macula = (dx * dx + dy * dy).sqrt() / self.macula_radius;
        let mut shade = 1.0 + self.grain_gain * grain;
        shade *= 1.0 - self.macula_depth * smooth_step(1.0, 0.1, to_macula);
        shade *= 1.0 - self.fovea_depth * smooth_step(0.3, 0.05, to_macula);
        if self.pigment > 0.0 {
            let amount = smooth_step(
                self.pigment_from,
                self.pigment_from + 1.8,
                0.6 * blotch + 0.8 * grain,
            );
            shade *= 1.0 - self.pigment * amount;
        }
        if let Some((bands, strength)) = &self.choroid {
            shade *= 1.0 + strength * bands.values()[index];
        }
        if self.fibres > 0.0 {
            // Nerve fibres run outwards from the disc: noise that is drawn out along the radius.
            let distance = (x * x + y * y).sqrt().max(0.3);
            let (across, down) = (x / distance, y / distance);
            let fibre = self.fibre_lattice.at(
                self.fibre_count * across + 0.4 * distance,
                self.fibre_count * down,
            );
            shade *= 1.0 + self.fibres * fibre * smooth_step(0.5, 1.2, distance);
        }
        if self.sheen > 0.0 {
            let distance = (x * x + y * y).sqrt().max(0.3);
            // 1 above and below the disc, 0 towards the macula and away from it.
            let along = (x * self.axis.0 + y * self.axis.1) / distance;
            let pole = smooth_step(0.3, 1.0, 1.0 - along * along);
            let near = smooth_step(self.sheen_reach, 0.8, distance);
            shade *= 1.0 + self.sheen * pole * near * (1.0 + 0.4 * blotch);
        }
        for (channel, value) in colour.iter_mut().enumerate() {
            let blotched = 1.0 + self.blotch_gain[channel] * blotch;
            *value = self.base[channel] * shade.max(0.1) * blotched.max(0.2);
        }
    }
}

/// Exudates, drusen, scars and haemorrhages: bright or dark things that are no disc.
pub(super) fn spots(random: &mut Random, view: &View, base: Colour, canvas: &mut Canvas) {
    let bright = [
        1.6 * base[0].max(0.3),
        2.4 * base[1].max(0.12),
        2.0 * base[2].max(0.05),
    ];
    let bright = bright.map(|value| value.min(0.95));
    let dark = [0.5 * base[0], 0.3 * base[1], 0.4 * base[2]];
    if random.chance(0.3) {
        let (x, y) = (random.between(0.1, 0.9), random.between(0.1, 0.9));
        let spread = random.between(0.03, 0.3);
        for _ in 0..random.whole(2, 24) {
            let at = (x + spread * random.normal(), y + spread * random.normal());
            let radius = view.radius * random.log_between(0.03, 0.16);
            let strength = random.between(0.3, 0.85);
            spot(random, canvas, at, radius, bright, strength);
        }
    }
    if random.chance(0.25) {
        for _ in 0..random.whole(1, 9) {
            let at = (random.unit(), random.unit());
            let radius = view.radius * random.log_between(0.04, 0.3);
            let strength = random.between(0.3, 0.8);
            spot(random, canvas, at, radius, dark, strength);
        }
    }
    if random.chance(0.1) {
        // A scar: large and bright like a disc, but ragged and without vessels from it.
        let at = (random.unit(), random.unit());
        let (dx, dy) = (at.0 - view.x, at.1 - view.y);
        let radius = view.radius * random.between(0.25, 0.6);
        if (dx * dx + dy * dy).sqrt() > 2.5 * view.radius {
            let strength = random.between(0.2, 0.6);
            spot(random, canvas, at, radius, bright, strength);
        }
    }
}

fn spot(random: &mut Random, canvas: &mut Canvas, at: (f32, f32), radius: f32, to: Colour, strength: f32) {
    let radii = (
        radius * random.between(0.6, 1.2),
        radius * random.between(0.6, 1.2),
    );
    let angle = random.angle();
    let outline = Outline::new(random, at, radii, angle, 6, 0.2);
    let softness = random.between(0.4, 1.5);
    canvas.paint_around(at, 3.0 * radius, |x, y, colour| {
        let (level, _) = outline.level(x, y);
        tint(colour, to, strength * coverage(level, softness));
    });
}
