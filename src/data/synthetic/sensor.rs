//! From light to a file: blur, tone, sensor noise, sharpening, compression.

use super::canvas::{Canvas, Colour};
use super::jpeg::compress;
use super::random::Random;

/// A camera.
pub(super) struct Sensor {
    /// Deviation of the lens's blur in pixels.
    blur: f32,
    sharpening: f32,
    /// The exponent that each channel is raised to.
    gamma: Colour,
    exposure: f32,
    /// Deviations of the noise that all channels share, and of each one's own.
    shared_noise: f32,
    own_noise: f32,
    /// The quality of JPEG compression, if there is any.
    quality: Option<f32>,
}

impl Sensor {
    /// A camera for images of this side that blurs by at most `most_blur`, a share of the side.
    pub fn new(random: &mut Random, size: usize, most_blur: f32) -> Self {
        let gamma = random.between(0.85, 1.2);
        Sensor {
            blur: size as f32 * random.log_between(0.0015, most_blur),
            sharpening: if random.chance(0.2) {
                random.between(0.2, 0.7)
            } else {
                0.0
            },
            gamma: [0, 1, 2].map(|_| gamma * random.between(0.96, 1.04)),
            exposure: random.between(0.85, 1.12),
            shared_noise: random.log_between(0.001, 0.022),
            own_noise: random.log_between(0.001, 0.02),
            quality: random.chance(0.4).then(|| random.between(35.0, 92.0)),
        }
    }

    /// Takes the picture of what is on the canvas.
    pub fn expose(&self, random: &mut Random, canvas: &mut Canvas) {
        blur(canvas, self.blur);
        let tones = self.gamma.map(|gamma| ToneCurve::new(gamma, self.exposure));
        let mut random = random.fork();
        for pixel in canvas.pixels_mut() {
            let shared = self.shared_noise * random.normal();
            for (value, tone) in pixel.iter_mut().zip(&tones) {
                *value = tone.at(*value);
                // Shot noise: bright parts are noisier, and black ones nearly still.
                let grain = shared + self.own_noise * random.normal();
                *value += grain * (0.15 + *value);
            }
        }
        if self.sharpening > 0.0 {
            sharpen(canvas, self.sharpening);
        }
        if let Some(quality) = self.quality {
            compress(canvas, quality);
        }
    }
}

/// A power with a soft shoulder below white, read from a table.
struct ToneCurve {
    table: Vec<f32>,
}

/// Steps of the table for each unit, and units that it covers.
const STEPS: usize = 256;
const UNITS: usize = 2;

impl ToneCurve {
    fn new(gamma: f32, exposure: f32) -> Self {
        let curve = |step: usize| {
            let value = exposure * step as f32 / STEPS as f32;
            let raised = if step == 0 { 0.0 } else { libm::powf(value, gamma) };
            // Up to three quarters as it is, above that bending towards white.
            if raised <= 0.75 {
                raised
            } else {
                let over = (raised - 0.75) / 0.25;
                0.75 + 0.25 * over / (1.0 + over * over * over).sqrt().max(over)
            }
        };
        ToneCurve {
            table: (0..=UNITS * STEPS).map(curve).collect(),
        }
    }

    fn at(&self, value: f32) -> f32 {
        let position = (value * STEPS as f32).clamp(0.0, (UNITS * STEPS) as f32 - 0.5);
        let step = position as usize;
        let share = position - step as f32;
        self.table[step] + (self.table[step + 1] - self.table[step]) * share
    }
}

/// Gaussian blur of this deviation in pixels.
fn blur(canvas: &mut Canvas, deviation: f32) {
    if deviation < 0.25 {
        return;
    }
    let reach = (2.6 * deviation).ceil() as usize;
    let bell = |step: usize| {
        let ratio = step as f32 / deviation;
        libm::expf(-0.5 * ratio * ratio)
    };
    let half: Vec<f32> = (0..=reach).map(bell).collect();
    let sum: f32 = half[0] + 2.0 * half[1..].iter().sum::<f32>();
    let half: Vec<f32> = half.into_iter().map(|weight| weight / sum).collect();
    let size = canvas.size();
    let mut lines = Vec::with_capacity(size * size);
    for line in canvas.pixels().chunks_exact(size) {
        for x in 0..size {
            let mut total = line[x].map(|value| half[0] * value);
            for (step, weight) in half.iter().enumerate().skip(1) {
                let left = line[x.saturating_sub(step)];
                let right = line[(x + step).min(size - 1)];
                for channel in 0..3 {
                    total[channel] += weight * (left[channel] + right[channel]);
                }
            }
            lines.push(total);
        }
    }
    for (y, line) in canvas.pixels_mut().chunks_exact_mut(size).enumerate() {
        for (x, pixel) in line.iter_mut().enumerate() {
            *pixel = lines[y * size + x].map(|value| half[0] * value);
        }
        for (step, weight) in half.iter().enumerate().skip(1) {
            let above = y.saturating_sub(step) * size;
            let below = (y + step).min(size - 1) * size;
            for (x, pixel) in line.iter_mut().enumerate() {
                for channel in 0..3 {
                    pixel[channel] += weight * (lines[above + x][channel] + lines[below + x][channel]);
                }
            }
        }
    }
}

/// Adds `amount` of what a blur would take away.
fn sharpen(canvas: &mut Canvas, amount: f32) {
    let mut soft = Canvas::new(canvas.size(), canvas.pixels().to_vec());
    blur(&mut soft, 1.0);
    for (pixel, soft) in canvas.pixels_mut().iter_mut().zip(soft.pixels()) {
        for (value, soft) in pixel.iter_mut().zip(soft) {
            *value = (*value + amount * (*value - soft)).max(0.0);
        }
    }
}
