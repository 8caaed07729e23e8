//! From files to the network's input, as the options say. What was accepted is said in one line each.

use std::path::PathBuf;

use asma::data::{
    Crop, Fit, ImageOptions, InputOptions, MaskOptions, MaskValues, Padding, Preparation, Preset, Resize,
    Window,
};
use clap::Args;

use super::console::say;

/// How images and masks are read and brought to the network's input.
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
    /// What to do where the network does not take this size: `pad` adds a border and cuts the output back (default),
    /// `resize` scales the image, and masks with it, to the nearest size that the network takes, `none` gives the network the
    /// image as it is or refuses it
    #[arg(long, value_name = "pad|resize|none")]
    pub fit: Option<Fit>,
    /// Of files that hold several pages, frames or slices (TIFF, GIF, DICOM, NIfTI), take this one, counted from 1
    #[arg(long, value_name = "N")]
    page: Option<usize>,
    /// The value that is white in image files, such as 4095 for 12 bits in 16; larger ones become white too
    #[arg(long, value_name = "VALUE")]
    white: Option<f32>,
    /// The values that are black and white in image files, and those beyond them too: LOW..HIGH such as -160..240, or
    /// CENTRE,WIDTH such as 40,400; without it what a DICOM or NIfTI file names itself
    #[arg(
        long,
        value_name = "LOW..HIGH|CENTRE,WIDTH",
        allow_hyphen_values = true,
        conflicts_with = "white"
    )]
    window: Option<Window>,
    /// Take what is brighter than this, of 255, for the foreground of masks; without it masks with soft edges are
    /// cut at half (127, with rim-one at its authors' 20), and other greys refused
    #[arg(long, value_name = "N", conflicts_with = "mask_values")]
    mask_threshold: Option<u8>,
    /// Which class each value of masks is, such as 255:0,128:1,0:2 or 0:0,else:1; a value is a number, a range 1-20,
    /// a colour #ff0000 or else, and a class may be ignore
    #[arg(long, value_name = "VALUE:CLASS,…")]
    mask_values: Option<MaskValues>,
}

/// The options above by name, for commands that have other options which exclude them.
pub const NAMES: [&str; 10] = [
    "preset",
    "crop",
    "resize",
    "pad",
    "fit",
    "page",
    "white",
    "window",
    "mask_threshold",
    "mask_values",
];

impl PreparationArguments {
    /// The steps.
    pub fn preparation(&self) -> Preparation {
        match self.preset {
            Some(preset) => preset.preparation(),
            None => Preparation {
                only: None,
                crop: self.crop,
                resize: self.resize,
                padding: self.pad,
            },
        }
    }

    /// All of it, as the library takes it.
    pub fn input(&self) -> InputOptions {
        InputOptions {
            preparation: self.preparation(),
            image: ImageOptions {
                page: self.page,
                white: self.white,
                window: self.window,
            },
            mask: MaskOptions {
                page: self.page,
                threshold: self.mask_threshold,
                soft_threshold: self.preset.and_then(Preset::soft_threshold),
                values: self.mask_values.clone(),
                reading: None,
            },
            fit: self.fit,
        }
    }
}

/// So many of them are named.
const MOST_NAMED: usize = 3;

/// Says which files of two folders have no partner.
pub fn note_unpaired(unpaired: &[PathBuf]) {
    for path in unpaired.iter().take(MOST_NAMED) {
        say(format_args!(
            "note: {} has no partner and is left out",
            path.display()
        ));
    }
    if let Some(more @ 1..) = unpaired.len().checked_sub(MOST_NAMED) {
        say(format_args!(
            "note: {more} more files have no partner and are left out"
        ));
    }
}
