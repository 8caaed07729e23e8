//! What is drawn on: planes of numbers and canvases of colours.

use crate::error::Result;
use crate::tensor::{Shape, Tensor};

/// Red, green and blue in \[0, 1\].
pub(super) type Colour = [f32; 3];

/// A square of numbers, one for each pixel, row-major.
pub(super) struct Plane {
    size: usize,
    values: Vec<f32>,
}

impl Plane {
    pub fn new(size: usize, values: Vec<f32>) -> Self {
        Plane { size, values }
    }

    pub fn zeros(size: usize) -> Self {
        Plane::new(size, vec![0.0; size * size])
    }

    pub fn size(&self) -> usize {
        self.size
    }

    pub fn values(&self) -> &[f32] {
        &self.values
    }

    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }
}

/// A square of colours, row-major.
pub(super) struct Canvas {
    size: usize,
    pixels: Vec<Colour>,
}

impl Canvas {
    pub fn new(size: usize, pixels: Vec<Colour>) -> Self {
        Canvas { size, pixels }
    }

    pub fn size(&self) -> usize {
        self.size
    }

    pub fn pixels(&self) -> &[Colour] {
        &self.pixels
    }

    pub fn pixels_mut(&mut self) -> &mut [Colour] {
        &mut self.pixels
    }

    /// Calls `paint(x, y, colour)` with each pixel's centre, in fractions of the side.
    pub fn paint(&mut self, mut paint: impl FnMut(f32, f32, &mut Colour)) {
        let scale = 1.0 / self.size as f32;
        for (row, line) in self.pixels.chunks_exact_mut(self.size).enumerate() {
            for (column, pixel) in line.iter_mut().enumerate() {
                paint((column as f32 + 0.5) * scale, (row as f32 + 0.5) * scale, pixel);
            }
        }
    }

    /// The same, but only for pixels in a square of half side `reach` around a point.
    pub fn paint_around(
        &mut self,
        (x, y): (f32, f32),
        reach: f32,
        mut paint: impl FnMut(f32, f32, &mut Colour),
    ) {
        let size = self.size as f32;
        let from = |centre: f32| ((centre - reach) * size).floor().clamp(0.0, size) as usize;
        let to = |centre: f32| ((centre + reach) * size).ceil().clamp(0.0, size) as usize;
        for row in from(y)..to(y) {
            for column in from(x)..to(x) {
                let pixel = &mut self.pixels[row * self.size + column];
                paint((column as f32 + 0.5) / size, (row as f32 + 0.5) / size, pixel);
            }
        }
    }

    /// A tensor of shape 1×3×size×size, clipped to \[0, 1\].
    pub fn into_tensor(self) -> Result<Tensor> {
        let shape = Shape::new(1, 3, self.size, self.size);
        let plane = |channel: usize| {
            self.pixels
                .iter()
                .map(move |pixel| pixel[channel].clamp(0.0, 1.0))
        };
        Tensor::new(shape, (0..3).flat_map(plane).collect())
    }
}

/// From `from` (at 0) to `to` (at 1).
pub(super) fn blend(from: f32, to: f32, share: f32) -> f32 {
    from + (to - from) * share
}

/// Moves a colour towards another by `share`.
pub(super) fn tint(colour: &mut Colour, to: Colour, share: f32) {
    for (value, to) in colour.iter_mut().zip(to) {
        *value = blend(*value, to, share);
    }
}

/// Multiplies a colour, channel by channel.
pub(super) fn filtered(colour: Colour, filter: Colour) -> Colour {
    [
        colour[0] * filter[0],
        colour[1] * filter[1],
        colour[2] * filter[2],
    ]
}

/// 0 up to `low`, 1 from `high` on, smooth between; falling where `high` is below `low`.
pub(super) fn smooth_step(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
