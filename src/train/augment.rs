//! Random variations of a sample: the image and its labels turned, scaled and mirrored together, the image
//! alone blurred, brightened, tinted and noisy.

use serde::{Deserialize, Serialize};

use super::random::Random;
use super::{appearance, warp::Warp};
use crate::error::{Error, Result};
use crate::labels::LabelMap;
use crate::tensor::Tensor;

/// The largest standard deviation of a blur, in pixels.
const MOST_BLUR: f32 = 32.0;
/// The largest change of values: far beyond what any image takes, and far below where their products leave the finite
/// range.
const MOST_TONE: f32 = 1e3;
/// Images have values from 0 to 1; those far beyond leave the finite range when they are varied.
const MOST_VALUE: f32 = 1e6;

/// How far samples are varied at most. Each variation draws every amount anew, all equally likely.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Augmentation {
    /// Whether left and right are swapped in half of the variations.
    pub flip_horizontal: bool,
    /// Whether top and bottom are swapped in half of the variations.
    pub flip_vertical: bool,
    /// The most degrees that a sample is turned either way, 0 to 180.
    pub rotation: f32,
    /// The most that a sample is enlarged or shrunk by, as a factor from 1 (not at all) to 4; 1.25 is
    /// anything from 0.8 to 1.25.
    pub scale: f32,
    /// The most that is added to or taken from all values of the image, 0 to 1 (images are in \[0, 1\]).
    pub brightness: f32,
    /// The most that the contrast changes, as a part of it, 0 to 1: 0.2 is a factor from 0.8 to 1.2 about the
    /// image's mean.
    pub contrast: f32,
    /// The most that each channel's gain changes by itself, as a part of it, 0 to 1: 0.1 is a factor from 0.9
    /// to 1.1.
    pub colour: f32,
    /// The largest standard deviation of the noise, 0 to 1; each variation has one of its own, up to this.
    pub noise: f32,
    /// The largest standard deviation of the Gaussian blur in pixels, 0 to 32.
    pub blur: f32,
}

impl Augmentation {
    /// Samples stay as they are.
    pub const NONE: Augmentation = Augmentation {
        flip_horizontal: false,
        flip_vertical: false,
        rotation: 0.0,
        scale: 1.0,
        brightness: 0.0,
        contrast: 0.0,
        colour: 0.0,
        noise: 0.0,
        blur: 0.0,
    };

    /// What suits most photographs and slices: mirrored both ways, up to 20° and a quarter larger or smaller,
    /// and as different in light, colour, noise and focus as two cameras are. Where mirrored images do not
    /// occur (letters, the side that the heart is on), leave the flips out.
    pub const fn standard() -> Self {
        Augmentation {
            flip_horizontal: true,
            flip_vertical: true,
            rotation: 20.0,
            scale: 1.25,
            brightness: 0.1,
            contrast: 0.2,
            colour: 0.1,
            noise: 0.03,
            blur: 1.0,
        }
    }

    /// Checks that every amount is a number within its range.
    ///
    /// # Errors
    /// If one is not; the message names it and its range.
    pub fn check(&self) -> Result<()> {
        let amounts = [
            ("rotation", self.rotation, 0.0, 180.0),
            ("scale", self.scale, 1.0, 4.0),
            ("brightness", self.brightness, 0.0, 1.0),
            ("contrast", self.contrast, 0.0, 1.0),
            ("colour", self.colour, 0.0, 1.0),
            ("noise", self.noise, 0.0, 1.0),
            ("blur", self.blur, 0.0, MOST_BLUR),
        ];
        for (name, amount, least, most) in amounts {
            // Not a number is in no range.
            if !(least..=most).contains(&amount) {
                return Err(Error::Usage(format!(
                    "the augmentation's {name} is {amount}; give a number from {least} to {most}, where {least} \
                     leaves the samples as they are"
                )));
            }
        }
        Ok(())
    }
}

impl Default for Augmentation {
    fn default() -> Self {
        Augmentation::standard()
    }
}

/// One variation with all its amounts, applied in the order of the fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Variation {
    /// Whether left and right are swapped.
    pub flip_horizontal: bool,
    /// Whether top and bottom are swapped.
    pub flip_vertical: bool,
    /// The factor that everything becomes larger by, about the centre; above 0.
    pub scale: f32,
    /// Degrees turned about the centre, counter-clockwise as one sees it.
    pub rotation: f32,
    /// The Gaussian blur's standard deviation in pixels.
    pub blur: f32,
    /// The factor on the distance of each value from the image's mean.
    pub contrast: f32,
    /// What is added to each value.
    pub brightness: f32,
    /// The factor on each channel; one for every channel of the image.
    pub gains: Vec<f32>,
    /// The noise's standard deviation.
    pub noise: f32,
    /// What the noise is drawn from.
    pub noise_seed: u64,
}

impl Variation {
    /// Draws a variation for an image of so many channels. An amount does not depend on the other amounts'
    /// limits: switching one off leaves all others as they were.
    ///
    /// # Errors
    /// Those of [`Augmentation::check`].
    pub fn draw(settings: &Augmentation, channels: usize, seed: u64) -> Result<Self> {
        settings.check()?;
        let mut random = Random::new(seed);
        // Enlarging and shrinking by the same factor are equally likely.
        let log_scale = random.around_zero(libm::logf(settings.scale));
        Ok(Variation {
            scale: libm::expf(log_scale),
            flip_horizontal: random.coin() && settings.flip_horizontal,
            flip_vertical: random.coin() && settings.flip_vertical,
            rotation: random.around_zero(settings.rotation),
            blur: random.unit() * settings.blur,
            contrast: 1.0 + random.around_zero(settings.contrast),
            brightness: random.around_zero(settings.brightness),
            noise: random.unit() * settings.noise,
            noise_seed: random.bits(),
            gains: (0..channels)
                .map(|_| 1.0 + random.around_zero(settings.colour))
                .collect(),
        })
    }

    /// The varied sample, of the same size. The image is interpolated bilinearly and its edge continued
    /// outside; labels are those of the nearest pixel, and [`IGNORE`](crate::labels::IGNORE) outside. The
    /// image is clipped to \[0, 1\] if its values change.
    ///
    /// # Errors
    /// If the image is not one sample of the labels' rows and columns or holds a value beyond ±10⁶, there is not one
    /// gain for each channel, or an amount is out of range: the scale from 0.001 to 1000, the rotation from −360 to
    /// 360, the blur from 0 to 32, the noise from 0 to 1000, all others from −1000 to 1000.
    pub fn apply(&self, image: &Tensor, labels: &LabelMap) -> Result<(Tensor, LabelMap)> {
        let shape = image.shape();
        if (shape.n, shape.h, shape.w) != (1, labels.height(), labels.width()) {
            return Err(Error::Usage(format!(
                "an image of shape {shape} cannot be varied together with labels of {} rows and {} columns; \
                 give one image and labels of its size",
                labels.height(),
                labels.width()
            )));
        }
        self.check(shape.c)?;
        if let Some(value) = image
            .data()
            .iter()
            .find(|value| !(-MOST_VALUE..=MOST_VALUE).contains(*value))
        {
            return Err(Error::Usage(format!(
                "an image with the value {value} cannot be varied; give one whose values are 0 to 1"
            )));
        }
        let warp = Warp::new(
            self.flip_horizontal,
            self.flip_vertical,
            self.scale,
            self.rotation,
        );
        let (mut image, labels) = if warp.is_identity() {
            (image.clone(), labels.clone())
        } else {
            warp.apply(image, labels)?
        };
        appearance::blur(&mut image, self.blur);
        let toned =
            self.brightness != 0.0 || self.contrast != 1.0 || self.gains.iter().any(|&gain| gain != 1.0);
        if toned {
            appearance::tone(&mut image, self.brightness, self.contrast, &self.gains);
        }
        if self.noise != 0.0 {
            appearance::noise(&mut image, self.noise, self.noise_seed);
        }
        if toned || self.blur != 0.0 || self.noise != 0.0 {
            appearance::clip(&mut image);
        }
        Ok((image, labels))
    }

    fn check(&self, channels: usize) -> Result<()> {
        if self.gains.len() != channels {
            return Err(Error::Usage(format!(
                "the variation has {} gains, and the image {channels} channels; give one gain for each channel",
                self.gains.len()
            )));
        }
        let amounts = [
            ("scale", self.scale, 1e-3, 1e3),
            ("rotation", self.rotation, -360.0, 360.0),
            ("blur", self.blur, 0.0, MOST_BLUR),
            ("contrast", self.contrast, -MOST_TONE, MOST_TONE),
            ("brightness", self.brightness, -MOST_TONE, MOST_TONE),
            ("noise", self.noise, 0.0, MOST_TONE),
        ];
        let gains = self
            .gains
            .iter()
            .map(|&gain| ("gain", gain, -MOST_TONE, MOST_TONE));
        for (name, amount, least, most) in amounts.into_iter().chain(gains) {
            // Not a number is in no range.
            if !(least..=most).contains(&amount) {
                return Err(Error::Usage(format!(
                    "the variation's {name} is {amount}; give a number from {least} to {most}"
                )));
            }
        }
        Ok(())
    }
}

/// A random variation of a sample: an image of shape 1×C×H×W in \[0, 1\] and its H×W labels. The same seed
/// gives the same variation, bit for bit, on every machine. [`Variation`] tells what is done, and
/// [`derived_seed`](super::derived_seed) makes a seed for each epoch and sample.
///
/// # Errors
/// If the settings are out of range, or the image and the labels do not belong together.
pub fn augment(
    image: &Tensor,
    labels: &LabelMap,
    settings: &Augmentation,
    seed: u64,
) -> Result<(Tensor, LabelMap)> {
    Variation::draw(settings, image.shape().c, seed)?.apply(image, labels)
}
