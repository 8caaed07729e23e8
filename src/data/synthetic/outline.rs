//! Closed outlines: an ellipse with bumps.

use super::canvas::smooth_step;
use super::random::Random;

/// A star-shaped region around its centre.
pub(super) struct Outline {
    pub x: f32,
    pub y: f32,
    /// Half axes.
    radius_x: f32,
    radius_y: f32,
    cosine: f32,
    sine: f32,
    /// How far the outline bulges with the cosine and the sine of 2, 3, … times the angle.
    bumps: Vec<(f32, f32)>,
}

impl Outline {
    /// An ellipse with half axes `radii`, turned by `angle`, with bumps of 2 to `bumps` + 1 per turn whose
    /// sizes fall with their count from `height`, a share of the radius.
    pub fn new(
        random: &mut Random,
        centre: (f32, f32),
        radii: (f32, f32),
        angle: f32,
        bumps: usize,
        height: f32,
    ) -> Self {
        let bumps = (0..bumps)
            .map(|number| {
                let height = height / (1.0 + number as f32);
                (random.between(-height, height), random.between(-height, height))
            })
            .collect();
        Outline {
            x: centre.0,
            y: centre.1,
            radius_x: radii.0,
            radius_y: radii.1,
            cosine: libm::cosf(angle),
            sine: libm::sinf(angle),
            bumps,
        }
    }

    /// The radius of a circle of about the same area.
    pub fn mean_radius(&self) -> f32 {
        (self.radius_x * self.radius_y).sqrt()
    }

    /// 0 in the centre, 1 on the outline, and in proportion on any ray. With it comes the unit vector from
    /// the centre in the outline's own frame.
    pub fn level(&self, x: f32, y: f32) -> (f32, (f32, f32)) {
        let (x, y) = (x - self.x, y - self.y);
        let across = (x * self.cosine + y * self.sine) / self.radius_x;
        let down = (y * self.cosine - x * self.sine) / self.radius_y;
        let distance = (across * across + down * down).sqrt();
        let (cosine, sine) = (across / distance.max(1e-6), down / distance.max(1e-6));
        let mut radius = 1.0;
        let (mut multiple_cosine, mut multiple_sine) = (cosine, sine);
        for (even, odd) in &self.bumps {
            // The angle sum formulas: no arc tangent is needed.
            (multiple_cosine, multiple_sine) = (
                multiple_cosine * cosine - multiple_sine * sine,
                multiple_sine * cosine + multiple_cosine * sine,
            );
            radius += even * multiple_cosine + odd * multiple_sine;
        }
        (distance / radius.max(0.2), (cosine, sine))
    }
}

/// How much of a region covers a point at this level, if its edge is `softness` wide: one half on the
/// outline, whatever the softness.
pub(super) fn coverage(level: f32, softness: f32) -> f32 {
    smooth_step(1.0 + softness / 2.0, 1.0 - softness / 2.0, level)
}
