//! A fundus photograph: where the disc lies, and the layers in the order light meets them.

use super::canvas::{Canvas, Colour, blend, filtered, tint};
use super::disc::Disc;
use super::noise::noise;
use super::random::Random;
use super::retina::{Aperture, Light, Retina, camera_colour, spots};
use super::sensor::Sensor;
use super::vessels::vessels;

/// From the image to the eye: the unit there is the disc's radius.
pub(super) struct View {
    /// Side of the image in pixels.
    pub size: usize,
    /// The disc's centre in fractions of the side.
    pub x: f32,
    pub y: f32,
    /// The disc's radius in fractions of the side.
    pub radius: f32,
    /// A photograph that was squeezed into a square: widths are divided by this and heights multiplied.
    stretch: f32,
    /// Where the macula lies: the direction's cosine and sine, and −1 for an eye seen in a mirror.
    cosine: f32,
    sine: f32,
    mirror: f32,
}

impl View {
    fn new(random: &mut Random, size: usize) -> Self {
        let diameter = match random.unit() {
            share if share < 0.2 => random.between(0.12, 0.2),
            share if share < 0.7 => random.between(0.18, 0.4),
            _ => random.between(0.35, 0.6),
        };
        let margin = if random.chance(0.15) { 0.06 } else { 0.15 };
        let stretch = libm::expf(random.between(-0.17, 0.17));
        let tilt = if random.chance(0.1) {
            random.angle()
        } else {
            random.between(-0.35, 0.35)
        };
        View {
            size,
            x: random.between(margin, 1.0 - margin),
            y: random.between(margin, 1.0 - margin),
            radius: diameter / 2.0,
            stretch,
            cosine: libm::cosf(tilt),
            sine: libm::sinf(tilt),
            mirror: random.sign(),
        }
    }

    /// A point of the image, in fractions of the side, as seen from the disc, in radii.
    fn of_image(&self, x: f32, y: f32) -> (f32, f32) {
        (
            (x - self.x) * self.stretch / self.radius,
            (y - self.y) / self.stretch / self.radius,
        )
    }

    /// A point in the eye's own frame, where the macula is to the right, as the camera sees it from the disc.
    pub fn of_eye(&self, x: f32, y: f32) -> (f32, f32) {
        (
            self.mirror * (x * self.cosine - y * self.sine),
            x * self.sine + y * self.cosine,
        )
    }

    /// A point seen from the disc, in radii, as pixel coordinates.
    pub fn pixel(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let size = self.size as f32;
        (
            (self.x + x * self.radius / self.stretch) * size,
            (self.y + y * self.radius * self.stretch) * size,
        )
    }
}

/// The photograph, and its labels: 0, 1 in the disc, 2 in the cup if `cup`.
pub(super) fn photograph(mut random: Random, size: usize, cup: bool) -> (Canvas, Vec<u8>) {
    let mut view = View::new(&mut random, size);
    let aperture = Aperture::new(&mut random, view.radius);
    // A disc that the camera's aperture hides would be a label without a picture.
    for _ in 0..20 {
        if aperture.open(view.x, view.y) > 0.9 {
            break;
        }
        (view.x, view.y) = (blend(view.x, 0.5, 0.2), blend(view.y, 0.5, 0.2));
    }
    let base = camera_colour(&mut random);
    let light = Light::new(&mut random, &aperture, size).exposed_for(view.x, view.y);
    let retina = Retina::new(&mut random, &view, base);
    let disc = Disc::new(&mut random, base, view.of_eye(1.0, 0.0), cup);
    let vessels = vessels(&mut random.fork(), &view);
    let cells = (2.5 / view.radius).clamp(6.0, 48.0);
    let mottle = noise(&mut random.fork(), size, cells);
    let vein: Colour = [
        random.between(0.55, 0.88),
        random.between(0.3, 0.6),
        random.between(0.4, 0.75),
    ];
    let pallor = random.between(1.0, 1.3);
    let (vein_colour, artery_colour) = (
        filtered(base, vein),
        filtered(base, vein.map(|share| (pallor * share).min(0.92))),
    );
    let mut labels = vec![0; size * size];
    let mut canvas = Canvas::new(size, vec![[0.0; 3]; size * size]);
    let mut index = 0;
    canvas.paint(|x, y, colour| {
        let point = view.of_image(x, y);
        retina.paint(index, point, colour);
        let found = disc.paint(point, mottle.values()[index], colour);
        labels[index] = match (found.in_disc, found.in_cup && cup) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => 2,
        };
        tint(colour, artery_colour, vessels.arteries.values()[index]);
        tint(colour, vein_colour, vessels.veins.values()[index]);
        index += 1;
    });
    spots(&mut random.fork(), &view, base, &mut canvas);
    let dark = random.between(0.0, 0.03);
    let mut index = 0;
    canvas.paint(|x, y, colour| {
        light.shine(index, x, y, colour);
        let open = aperture.open(x, y);
        if open < 0.5 {
            labels[index] = 0;
        }
        tint(colour, [dark; 3], 1.0 - open);
        index += 1;
    });
    // Details scale with the disc: a wide view shows what a blur made for close-ups would wipe away.
    let most_blur = (0.07 * view.radius).clamp(0.003, 0.01);
    Sensor::new(&mut random, size, most_blur).expose(&mut random, &mut canvas);
    (canvas, labels)
}
