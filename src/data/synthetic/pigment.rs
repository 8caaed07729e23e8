//! What a lesion holds: colours in zones, a pigment network, globules, streaks, veils.

use super::canvas::{Canvas, Colour, Plane, filtered, smooth_step, tint};
use super::noise::{Lattice, fractal};
use super::outline::{Outline, coverage};
use super::random::Random;

pub(super) struct Pigment {
    base: Colour,
    /// Multiplies brightness with `mottle`.
    mottling: f32,
    mottle: Plane,
    zones: Vec<Zone>,
    network: Option<Network>,
    /// Multiplies colours: globules, drawn beforehand.
    globules: Option<Canvas>,
    /// How much darker (or, below 0, lighter) the lesion becomes from its border to its middle.
    deepening: f32,
    /// How strong the streaks at the border are.
    streaks: f32,
    lattice: Lattice,
    centre: (f32, f32),
}

/// A part of the lesion that has another colour.
struct Zone {
    colour: Colour,
    strength: f32,
    /// The direction that it lies in, from the centre, as levels per side.
    slope: (f32, f32),
    from: f32,
    softness: f32,
    noise: Plane,
}

/// Brown lines with paler holes between them, like a honeycomb.
struct Network {
    /// Holes for each side of the image.
    frequency: f32,
    strength: f32,
    warp: f32,
    /// Where the network is seen: from this value of the mottle.
    from: f32,
}

impl Pigment {
    pub fn new(random: &mut Random, size: usize, skin: Colour, centre: (f32, f32), radius: f32) -> Self {
        let depth = match random.unit() {
            share if share < 0.15 => random.between(0.18, 0.35),
            share if share < 0.7 => random.between(0.3, 0.65),
            _ => random.between(0.6, 0.92),
        };
        let brown: Colour = [
            random.between(0.42, 0.62),
            random.between(0.24, 0.42),
            random.between(0.15, 0.34),
        ];
        let mut base = skin;
        tint(&mut base, filtered(skin, brown), depth * 1.1);
        let cells = random.between(0.6, 1.6) / radius;
        let zones = (0..random.whole(0, 4))
            .map(|_| Zone::new(random, size, skin, cells))
            .collect();
        let network = random.chance(0.45).then(|| Network {
            frequency: random.log_between(20.0, 65.0),
            strength: random.between(0.06, 0.32),
            warp: random.between(0.05, 0.3),
            from: random.between(-1.6, 0.4),
        });
        let globules = random
            .chance(0.4)
            .then(|| globules(&mut random.fork(), size, centre, radius));
        Pigment {
            base,
            mottling: random.between(0.03, 0.2),
            mottle: fractal(&mut random.fork(), size, 2.0 * cells, 4, 0.65),
            zones,
            network,
            globules,
            deepening: random.between(-0.15, 0.4),
            streaks: if random.chance(0.2) {
                random.between(0.15, 0.5)
            } else {
                0.0
            },
            lattice: Lattice::new(&mut random.fork(), 60),
            centre,
        }
    }

    /// The colour of pixel `index` at (`x`, `y`), where the lesion has this level (0 to 1) on skin of this colour.
    pub fn at(&self, index: usize, x: f32, y: f32, level: f32, skin: Colour) -> Colour {
        let mottle = self.mottle.values()[index];
        let mut colour = self.base;
        for zone in &self.zones {
            zone.paint(index, x - self.centre.0, y - self.centre.1, &mut colour);
        }
        let mut shade = 1.0 + self.mottling * mottle;
        shade *= 1.0 - self.deepening * smooth_step(1.0, 0.1, level);
        if let Some(network) = &self.network {
            let seen = smooth_step(network.from, network.from + 0.8, mottle) * smooth_step(0.1, 0.5, level);
            if seen > 0.0 {
                shade *= 1.0 - network.strength * seen * (network.line(&self.lattice, x, y) - 0.3);
            }
        }
        if self.streaks > 0.0 {
            let (dx, dy) = (x - self.centre.0, y - self.centre.1);
            let distance = (dx * dx + dy * dy).sqrt().max(1e-4);
            let streak = self.lattice.at(9.0 * dx / distance, 9.0 * dy / distance);
            shade *= 1.0 - self.streaks * smooth_step(0.2, 1.2, streak) * smooth_step(0.55, 0.95, level);
        }
        // The skin's own shading stays visible: the base colour knows nothing of it.
        let lit = (skin[0] + skin[1] + skin[2]) / 3.0;
        let shade = shade.clamp(0.15, 1.3) * (0.75 + 0.25 * (lit / 0.6).min(1.3));
        colour = colour.map(|value| value * shade);
        if let Some(globules) = &self.globules {
            colour = filtered(colour, globules.pixels()[index]);
        }
        colour
    }
}

impl Zone {
    fn new(random: &mut Random, size: usize, skin: Colour, cells: f32) -> Self {
        let (colour, strength) = match random.unit() {
            // Dark brown.
            share if share < 0.35 => (filtered(skin, [0.38, 0.24, 0.2]), random.between(0.4, 0.95)),
            // Black.
            share if share < 0.52 => ([0.1, 0.08, 0.09], random.between(0.4, 0.9)),
            // Blue-grey.
            share if share < 0.7 => ([0.32, 0.36, 0.45], random.between(0.3, 0.8)),
            // Red.
            share if share < 0.83 => (filtered(skin, [0.85, 0.5, 0.52]), random.between(0.3, 0.9)),
            // Light brown.
            share if share < 0.93 => (filtered(skin, [0.8, 0.66, 0.5]), random.between(0.3, 0.8)),
            // Regression: scar-like and pale.
            _ => (filtered(skin, [0.95, 0.92, 0.93]), random.between(0.3, 0.7)),
        };
        let angle = random.angle();
        let pull = random.between(0.0, 6.0);
        Zone {
            colour,
            strength,
            slope: (pull * libm::cosf(angle), pull * libm::sinf(angle)),
            from: random.between(-0.2, 1.2),
            softness: random.between(0.15, 1.5),
            noise: fractal(&mut random.fork(), size, cells, 3, 0.55),
        }
    }

    fn paint(&self, index: usize, dx: f32, dy: f32, colour: &mut Colour) {
        let value = self.noise.values()[index] + self.slope.0 * dx + self.slope.1 * dy;
        let share = smooth_step(self.from, self.from + self.softness, value);
        tint(colour, self.colour, self.strength * share);
    }
}

impl Network {
    /// 1 on the lines, 0 in the holes.
    fn line(&self, lattice: &Lattice, x: f32, y: f32) -> f32 {
        let (x, y) = (x * self.frequency, y * self.frequency);
        let x = x + self.warp * 4.0 * lattice.at(0.35 * x, 0.35 * y);
        let y = y + self.warp * 4.0 * lattice.at(0.35 * y + 31.0, 0.35 * x);
        // Three waves at 120 degrees have their common crests on a hexagonal lattice: the holes.
        let wave = |direction: f32| libm::cosf(std::f32::consts::TAU * direction);
        let sum = wave(x) + wave(0.5 * x + 0.866_025_4 * y) + wave(0.5 * x - 0.866_025_4 * y);
        smooth_step(1.0, -1.0, sum)
    }
}

/// Dots and globules in and around the lesion's middle, as filters; one lesion has one sort.
fn globules(random: &mut Random, size: usize, centre: (f32, f32), radius: f32) -> Canvas {
    let mut canvas = Canvas::new(size, vec![[1.0; 3]; size * size]);
    let typical = radius * random.log_between(0.02, 0.09);
    let filter: Colour = if random.chance(0.75) {
        [0.5, 0.42, 0.4]
    } else {
        [0.55, 0.6, 0.75]
    };
    let spread = radius * random.between(0.25, 0.6);
    for _ in 0..random.whole(6, 70) {
        let at = (
            centre.0 + spread * random.normal(),
            centre.1 + spread * random.normal(),
        );
        let own = typical * random.between(0.6, 1.5);
        let radii = (own, own * random.between(0.7, 1.0));
        let outline = Outline::new(random, at, radii, 0.0, 3, 0.15);
        let strength = random.between(0.3, 0.95);
        canvas.paint_around(at, 2.5 * own, |x, y, colour| {
            let (level, _) = outline.level(x, y);
            tint(colour, filter, strength * coverage(level, 0.8));
        });
    }
    canvas
}
