//! What a network wants its pixels to be: an attack works on pixels in \[0, 1\], whatever the network was trained on.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::graph::ops::{Affine, Conv2d};
use crate::graph::{Graph, Margins};

/// The order in which a network wants the channels of a colour image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelOrder {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red, as OpenCV reads images.
    Bgr,
}

impl FromStr for ChannelOrder {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "rgb" => Ok(ChannelOrder::Rgb),
            "bgr" => Ok(ChannelOrder::Bgr),
            other => Err(Error::Usage(format!(
                "the channel order `{other}` is unknown; want rgb or bgr"
            ))),
        }
    }
}

impl fmt::Display for ChannelOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChannelOrder::Rgb => "rgb",
            ChannelOrder::Bgr => "bgr",
        })
    }
}

/// What is done to pixels before a network sees them: `(scale · v − mean_c) / std_c` of each channel, where `v` runs
/// from the lower to the upper bound as the pixel does from 0 to 1.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Preprocessing {
    /// The values that stand for 0 and 1.
    pub bounds: [f32; 2],
    /// What values are multiplied by first.
    pub scale: f32,
    /// Of each channel in the network's order, or one for all.
    pub mean: Vec<f32>,
    /// Of each channel in the network's order, or one for all.
    pub std: Vec<f32>,
    /// In which order the network wants the channels.
    pub channel_order: ChannelOrder,
    /// Whether images of one channel are given to a network of three, the same three times.
    pub grey: bool,
}

impl Default for Preprocessing {
    fn default() -> Self {
        Preprocessing {
            bounds: [0.0, 1.0],
            scale: 1.0,
            mean: vec![0.0],
            std: vec![1.0],
            channel_order: ChannelOrder::Rgb,
            grey: false,
        }
    }
}

impl Preprocessing {
    /// The one known by this name: `imagenet` for the mean and deviation of ImageNet's photographs, which most
    /// pretrained encoders want, `unit` for pixels from 0 to 1 as they are.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn named(name: &str) -> Result<Preprocessing> {
        match name {
            "unit" => Ok(Preprocessing::default()),
            "imagenet" => Ok(Preprocessing {
                mean: vec![0.485, 0.456, 0.406],
                std: vec![0.229, 0.224, 0.225],
                ..Preprocessing::default()
            }),
            other => Err(Error::Usage(format!(
                "there is no preprocessing `{other}`; want imagenet or unit, or say `mean` and `std`"
            ))),
        }
    }

    /// What is wrong with it for a network of so many channels.
    ///
    /// # Errors
    /// If a number is not finite, a deviation or scale is 0, or there are not as many as channels.
    pub fn check(&self, channels: usize) -> Result<()> {
        let wrong = |problem: String| Err(Error::Usage(problem));
        for (name, values) in [("mean", &self.mean), ("std", &self.std)] {
            if values.len() != 1 && values.len() != channels {
                return wrong(format!(
                    "the {name} has {} numbers, and the network takes {channels} channels; give one for each, or one for all",
                    values.len()
                ));
            }
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return wrong(format!("the {name} has {value}; want finite numbers"));
            }
        }
        if let Some(value) = self.std.iter().find(|value| **value <= 0.0) {
            return wrong(format!("the std has {value}; want numbers above 0"));
        }
        if !(self.scale.is_finite() && self.scale != 0.0) {
            return wrong(format!(
                "the scale is {}; want a finite number other than 0",
                self.scale
            ));
        }
        let [low, high] = self.bounds;
        if !(low.is_finite() && high.is_finite() && low < high) {
            return wrong(format!(
                "the bounds are {low} and {high}; want two finite numbers, the lower first"
            ));
        }
        if self.channel_order == ChannelOrder::Bgr && channels != 3 {
            return wrong(format!(
                "the channel order is bgr, and the network takes {channels} channels; want 3"
            ));
        }
        if self.grey && channels != 3 {
            return wrong(format!(
                "grey images are to be repeated for three channels, and the network takes {channels}"
            ));
        }
        let (factors, summands) = self.coefficients(channels);
        if let Some(value) = factors.iter().chain(&summands).find(|value| !value.is_finite()) {
            return wrong(format!(
                "the bounds, scale, mean and std together make {value} of pixels; want an std that is not so small, or \
                 smaller numbers"
            ));
        }
        Ok(())
    }

    /// Whether a network sees pixels as they are.
    pub fn is_none(&self) -> bool {
        let numbers = [(&self.mean, 0.0), (&self.std, 1.0)];
        let neutral = numbers
            .iter()
            .all(|(values, neutral)| values.iter().all(|value| value == neutral));
        neutral
            && self.scale == 1.0
            && self.bounds == [0.0, 1.0]
            && self.channel_order == ChannelOrder::Rgb
            && !self.grey
    }

    /// The factor and the summand that a pixel in \[0, 1\] gets for each of the network's channels.
    fn coefficients(&self, channels: usize) -> (Vec<f32>, Vec<f32>) {
        let [low, high] = self.bounds.map(f64::from);
        let of = |values: &[f32], channel: usize| -> f64 {
            values
                .get(channel)
                .or(values.first())
                .copied()
                .unwrap_or(0.0)
                .into()
        };
        let each = (0..channels).map(|channel| {
            let (mean, std, scale) = (
                of(&self.mean, channel),
                of(&self.std, channel),
                f64::from(self.scale),
            );
            let factor = scale * (high - low) / std;
            let summand = (scale * low - mean) / std;
            (factor as f32, summand as f32)
        });
        each.unzip()
    }

    /// The network behind this preprocessing: it takes pixels in \[0, 1\], in the order red, green, blue, or one channel
    /// of grey. Unless nothing is to be done, every node but the input moves one place back.
    ///
    /// # Errors
    /// Those of [`Preprocessing::check`].
    pub(crate) fn before(&self, graph: &Graph) -> Result<Graph> {
        let channels = graph.input_channels();
        self.check(channels)?;
        if self.is_none() {
            return Ok(graph.clone());
        }
        let (factors, summands) = self.coefficients(channels);
        let mut graph = graph.clone();
        let shift = graph.add_parameter("preprocessing.bias", &[channels], summands)?;
        if !self.grey && self.channel_order == ChannelOrder::Rgb {
            let scale = graph.add_parameter("preprocessing.weight", &[channels], factors)?;
            return Ok(graph.with_first_layer("preprocessing", Affine { scale, shift }));
        }
        // From each of the network's channels to the image's.
        let given = if self.grey { 1 } else { channels };
        let mut weight = vec![0.0; channels * given];
        for (channel, factor) in factors.into_iter().enumerate() {
            let from = match (self.grey, self.channel_order) {
                (true, _) => 0,
                (false, ChannelOrder::Rgb) => channel,
                (false, ChannelOrder::Bgr) => channels - 1 - channel,
            };
            weight[channel * given + from] = factor;
        }
        let weight = graph.add_parameter("preprocessing.weight", &[channels, given, 1, 1], weight)?;
        let mix = Conv2d {
            weight,
            bias: Some(shift),
            stride: [1, 1],
            padding: Margins::NONE,
            dilation: [1, 1],
            groups: 1,
        };
        Ok(graph
            .with_first_layer("preprocessing", mix)
            .with_input_channels(given))
    }
}

impl fmt::Display for Preprocessing {
    /// Such as `pixels as bgr, (255 v - 0.5) / 0.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("pixels given as 0 to 1");
        }
        let numbers = |values: &[f32]| values.iter().map(f32::to_string).collect::<Vec<_>>().join(" ");
        let [low, high] = self.bounds;
        write!(f, "pixels given as {low} to {high}")?;
        if self.grey {
            f.write_str(", grey three times")?;
        }
        if self.channel_order == ChannelOrder::Bgr {
            f.write_str(", blue first")?;
        }
        if self.scale != 1.0 {
            write!(f, ", times {}", self.scale)?;
        }
        if self.mean.iter().any(|mean| *mean != 0.0) {
            write!(f, ", minus {}", numbers(&self.mean))?;
        }
        if self.std.iter().any(|std| *std != 1.0) {
            write!(f, ", divided by {}", numbers(&self.std))?;
        }
        Ok(())
    }
}
