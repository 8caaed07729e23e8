//! Preparations known by name.

use std::fmt;
use std::str::FromStr;

use super::geometry::{Crop, Padding, PaddingMode};
use super::preprocess::Preparation;
use crate::error::{Error, Result};

/// A preparation known by name. Written `rim-one`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// The attack's authors' preparation of RIM-ONE fundus photographs of 428×569 pixels: rows 70 to 477
    /// and columns 10 to 417, then 82 pixels of edge padding, giving 572×572.
    RimOne,
}

impl Preset {
    /// What counts as foreground in masks with soft edges, where that is not what is brighter than half: the
    /// brightest background, in 255ths of white.
    pub fn soft_threshold(self) -> Option<u8> {
        match self {
            // The authors' own, with which their published numbers come out.
            Preset::RimOne => Some(20),
        }
    }

    /// The steps that the name stands for.
    pub fn preparation(self) -> Preparation {
        match self {
            Preset::RimOne => Preparation {
                only: Some([569, 428]),
                crop: Some(Crop {
                    x: 10,
                    y: 70,
                    width: 408,
                    height: 408,
                }),
                resize: None,
                padding: Some(Padding {
                    pixels: 82,
                    mode: PaddingMode::Edge,
                }),
            },
        }
    }
}

impl FromStr for Preset {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "rim-one" => Ok(Preset::RimOne),
            _ => Err(Error::Usage(format!(
                "there is no preset `{text}`; the only one is rim-one, or use `crop`, `resize` and `pad`"
            ))),
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Preset::RimOne => f.write_str("rim-one"),
        }
    }
}
