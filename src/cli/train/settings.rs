//! The options of the training itself.

use asma::Result;
use asma::train::{Augmentation, LossConfig, TrainingConfig};
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(next_help_heading = "Training")]
pub struct Settings {
    /// How many times all samples are gone through
    #[arg(long, value_name = "N", default_value_t = 20)]
    epochs: u32,
    /// Samples in one step
    #[arg(long, value_name = "N", default_value_t = 8)]
    batch: usize,
    /// The highest learning rate; it falls to 0 along a cosine
    #[arg(long, value_name = "RATE", default_value_t = 3e-3)]
    learning_rate: f64,
    /// Steps over which the learning rate rises to it
    #[arg(long, value_name = "STEPS", default_value_t = 100)]
    warm_up: u32,
    /// Decoupled weight decay (AdamW); 0 is plain Adam
    #[arg(long, value_name = "DECAY", default_value_t = 1e-2)]
    weight_decay: f64,
    /// The norm that gradients are clipped to; 0: not at all
    #[arg(long, value_name = "NORM", default_value_t = 1.0)]
    clip: f64,
    /// Factor of the cross-entropy in the loss
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    cross_entropy: f32,
    /// Factor of the soft Dice loss in the loss
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    dice: f32,
    /// Weight of each class in the cross-entropy
    #[arg(long, value_name = "W0,W1,…", value_delimiter = ',')]
    class_weights: Vec<f32>,
    /// What all random choices follow from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    variation: VariationArguments,
}

/// Which mirrored images occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Flip {
    None,
    Horizontal,
    Vertical,
    Both,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Variation of the samples")]
struct VariationArguments {
    /// Train on the samples as they are
    #[arg(
        long,
        conflicts_with_all = ["flip", "rotation", "scale", "brightness", "contrast", "colour", "noise", "blur"]
    )]
    no_variation: bool,
    /// Mirror half of the samples
    #[arg(long, value_enum, default_value_t = Flip::Both)]
    flip: Flip,
    /// The most degrees to turn by
    #[arg(long, value_name = "DEGREES", default_value_t = Augmentation::standard().rotation)]
    rotation: f32,
    /// The most to enlarge or shrink by
    #[arg(long, value_name = "FACTOR", default_value_t = Augmentation::standard().scale)]
    scale: f32,
    /// The most to add to all values, which are 0 to 1
    #[arg(long, value_name = "AMOUNT", default_value_t = Augmentation::standard().brightness)]
    brightness: f32,
    /// The most to change the contrast by, as a part of it
    #[arg(long, value_name = "PART", default_value_t = Augmentation::standard().contrast)]
    contrast: f32,
    /// The most to change a colour channel's gain by, as a part of it
    #[arg(long, value_name = "PART", default_value_t = Augmentation::standard().colour)]
    colour: f32,
    /// The largest standard deviation of added noise
    #[arg(long, value_name = "DEVIATION", default_value_t = Augmentation::standard().noise)]
    noise: f32,
    /// The largest standard deviation of a blur, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = Augmentation::standard().blur)]
    blur: f32,
}

impl Settings {
    /// The settings, checked as far as that goes without a network.
    ///
    /// # Errors
    /// If one of the variations cannot be.
    pub fn config(&self) -> Result<TrainingConfig> {
        let augmentation = self.variation.augmentation();
        augmentation.check()?;
        Ok(TrainingConfig {
            epochs: self.epochs,
            batch: self.batch,
            learning_rate: self.learning_rate,
            warm_up: self.warm_up,
            weight_decay: self.weight_decay,
            most_norm: self.clip,
            loss: LossConfig {
                cross_entropy: self.cross_entropy,
                dice: self.dice,
                class_weights: self.class_weights.clone(),
                ..LossConfig::default()
            },
            augmentation,
            seed: self.seed,
            ..TrainingConfig::default()
        })
    }
}

impl VariationArguments {
    fn augmentation(&self) -> Augmentation {
        if self.no_variation {
            return Augmentation::NONE;
        }
        Augmentation {
            flip_horizontal: matches!(self.flip, Flip::Horizontal | Flip::Both),
            flip_vertical: matches!(self.flip, Flip::Vertical | Flip::Both),
            rotation: self.rotation,
            scale: self.scale,
            brightness: self.brightness,
            contrast: self.contrast,
            colour: self.colour,
            noise: self.noise,
            blur: self.blur,
        }
    }
}
