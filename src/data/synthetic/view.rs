//! Where the disc lies in a fundus photograph, and how the camera looks at the eye.

use super::random::Random;

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
    /// A view with the disc somewhere in it.
    pub fn new(random: &mut Random, size: usize) -> Self {
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
    pub fn of_image(&self, x: f32, y: f32) -> (f32, f32) {
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
