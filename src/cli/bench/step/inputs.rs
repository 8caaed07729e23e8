//! What both forms of the step work on.

use asma::tensor::Shape;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub const CLASSES: usize = 2;
pub const CHANNELS: usize = 3;

/// τ, β and λ. Far larger steps than an attack takes: the first one changes the image by up to 0.02, which
/// stays inside [0, 1], the second one by ten times as much, which is clipped.
pub const TAU: f32 = 1e-3;
pub const BETA: f32 = 1e-2;
pub const LAMBDA: f32 = 1.0;

/// One image of two classes.
pub struct Inputs {
    pub size: usize,
    /// [1, 2, size, size].
    pub logits: Vec<f32>,
    /// A label for each pixel: a disc, since neighbours agree in a real mask.
    pub target: Vec<u32>,
    /// The network's gradient, [1, 3, size, size].
    pub gradient: Vec<f32>,
    /// `X`, [1, 3, size, size].
    pub source: Vec<f32>,
    /// `Xₙ`, [1, 3, size, size].
    pub adversarial: Vec<f32>,
}

impl Inputs {
    pub fn new(size: usize) -> Inputs {
        let mut random = StdRng::seed_from_u64(5);
        let pixels = size * size;
        let in_disc = |pixel: usize, centre: f64| {
            let [y, x] = [pixel / size, pixel % size].map(|place| place as f64 / size as f64 - centre);
            y * y + x * x < 0.09
        };
        // The prediction is a disc that is off the target's place, with noise.
        let logits = (0..CLASSES * pixels).map(|i| {
            let predicted = usize::from(in_disc(i % pixels, 0.45));
            f32::from(u8::from(i / pixels == predicted)) + random.random_range(-0.6..0.6)
        });
        let logits = logits.collect();
        let target = (0..pixels).map(|pixel| in_disc(pixel, 0.55).into()).collect();
        let mut elements = |low, high| -> Vec<f32> {
            (0..CHANNELS * pixels)
                .map(|_| random.random_range(low..high))
                .collect()
        };
        let gradient = elements(-20.0, 20.0);
        let source = elements(0.05, 0.95);
        let perturbation = elements(-0.01, 0.01);
        let adversarial = source.iter().zip(&perturbation).map(|(x, p)| x + p).collect();
        Inputs {
            size,
            logits,
            target,
            gradient,
            source,
            adversarial,
        }
    }

    /// Of the logits and the seed gradient.
    pub fn output_shape(&self) -> Shape {
        Shape::new(1, CLASSES, self.size, self.size)
    }

    /// Of the images and the gradient.
    pub fn input_shape(&self) -> Shape {
        Shape::new(1, CHANNELS, self.size, self.size)
    }
}

/// What an iteration finds and does.
pub struct Results {
    pub iou: f32,
    pub pixel_accuracy: f32,
    /// Of the image after the step.
    pub l2: f32,
    pub linf: f32,
    /// dJ/dlogits.
    pub seed: Vec<f32>,
    /// The image after the step.
    pub adversarial: Vec<f32>,
}
