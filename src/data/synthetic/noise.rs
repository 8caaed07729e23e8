//! Smooth random fields: random numbers on a lattice, joined by cubic B-splines, which show no lattice.

use super::canvas::Plane;
use super::random::Random;

/// What the variance of lattice values shrinks to, per direction, between them: ∫ of the squared spline.
const SPLINE_VARIANCE: f32 = 151.0 / 315.0;

/// Random numbers on a periodic square lattice.
pub(super) struct Lattice {
    /// A power of two.
    side: usize,
    values: Vec<f32>,
}

impl Lattice {
    /// A lattice that repeats after at least `cells` cells.
    pub fn new(random: &mut Random, cells: usize) -> Self {
        let side = (cells + 3).next_power_of_two();
        let values = (0..side * side)
            .map(|_| random.normal() / SPLINE_VARIANCE)
            .collect();
        Lattice { side, values }
    }

    /// The field at a point in cells: mean 0, deviation 1.
    pub fn at(&self, x: f32, y: f32) -> f32 {
        let (column, across) = spline(x);
        let (row, down) = spline(y);
        let mut sum = 0.0;
        for (step, weight) in down.iter().enumerate() {
            let start = self.wrapped(row + step as i32) * self.side;
            let mut line = 0.0;
            for (step, weight) in across.iter().enumerate() {
                line += weight * self.values[start + self.wrapped(column + step as i32)];
            }
            sum += weight * line;
        }
        sum
    }

    fn wrapped(&self, index: i32) -> usize {
        // The side is a power of two, so negative indices wrap too.
        index as usize & (self.side - 1)
    }
}

/// The first of the four lattice points around `position`, and their weights.
fn spline(position: f32) -> (i32, [f32; 4]) {
    let cell = position.floor();
    let t = position - cell;
    let s = 1.0 - t;
    let weights = [
        s * s * s / 6.0,
        (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0,
        (3.0 * s * s * s - 6.0 * s * s + 4.0) / 6.0,
        t * t * t / 6.0,
    ];
    (cell as i32 - 1, weights)
}

/// A field of mean 0 and deviation 1 over a whole image, `cells` lattice cells across.
pub(super) fn noise(random: &mut Random, size: usize, cells: f32) -> Plane {
    // Finer than the pixels would be noise that no lattice is needed for.
    let cells = cells.min(size as f32);
    let lattice = Lattice::new(random, cells as usize + 2);
    let (left, top) = (random.unit(), random.unit());
    let scale = cells / size as f32;
    let columns: Vec<_> = (0..size)
        .map(|x| spline(left + 1.0 + (x as f32 + 0.5) * scale))
        .collect();
    let mut values = Vec::with_capacity(size * size);
    let mut line = vec![0.0; lattice.side];
    for y in 0..size {
        let (row, down) = spline(top + 1.0 + (y as f32 + 0.5) * scale);
        line.fill(0.0);
        for (step, weight) in down.iter().enumerate() {
            let start = lattice.wrapped(row + step as i32) * lattice.side;
            for (sum, value) in line.iter_mut().zip(&lattice.values[start..]) {
                *sum += weight * value;
            }
        }
        for &(column, [a, b, c, d]) in &columns {
            // Both offsets keep the four points inside the lattice.
            let first = column as usize;
            values.push(a * line[first] + b * line[first + 1] + c * line[first + 2] + d * line[first + 3]);
        }
    }
    Plane::new(size, values)
}

/// Octaves of [`noise`], each twice as fine and `gain` times as strong as the one before; deviation 1 in all.
pub(super) fn fractal(random: &mut Random, size: usize, cells: f32, octaves: usize, gain: f32) -> Plane {
    let mut sum = Plane::zeros(size);
    let (mut strength, mut cells, mut variance) = (1.0, cells, 0.0);
    for _ in 0..octaves {
        let octave = noise(random, size, cells);
        for (sum, value) in sum.values_mut().iter_mut().zip(octave.values()) {
            *sum += strength * value;
        }
        variance += strength * strength;
        strength *= gain;
        cells *= 2.0;
    }
    let scale = 1.0 / f32::sqrt(variance);
    for value in sum.values_mut() {
        *value *= scale;
    }
    sum
}
