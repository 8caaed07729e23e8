//! From an image file to the network's input, as the options say.

use asma::data::{Crop, Padding, Preparation, Preset, Resize};
use clap::Args;

/// How images and masks are brought to the network's input.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Preparation")]
pub struct PreparationArguments {
    /// A known preparation: `rim-one` is the ASMA authors' for fundus photographs of 428×569 pixels
    #[arg(long, value_name = "NAME", conflicts_with_all = ["crop", "resize", "pad"])]
    pub preset: Option<Preset>,
    /// Keep this part of the image, in pixels
    #[arg(long, value_name = "X,Y,WIDTH,HEIGHT")]
    pub crop: Option<Crop>,
    /// Then scale it to this size
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    pub resize: Option<Resize>,
    /// Then add this many pixels on each side, repeating the edge (default) or black
    #[arg(long, value_name = "N[:edge|zero]")]
    pub pad: Option<Padding>,
}

impl PreparationArguments {
    /// The steps.
    pub fn preparation(&self) -> Preparation {
        match self.preset {
            Some(preset) => preset.preparation(),
            None => Preparation {
                crop: self.crop,
                resize: self.resize,
                padding: self.pad,
            },
        }
    }
}
