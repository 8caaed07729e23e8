//! The steps of a preparation as the options state them: crop, resize, pad.

use std::fmt;
use std::str::FromStr;

use super::decode::LONGEST_SIDE;
use crate::error::{Error, Result};

/// The part of a photograph that is kept, in its pixels. Written `x,y,width,height`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crop {
    /// The first column.
    pub x: usize,
    /// The first row.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// The size that the cropped photograph is scaled to, whatever its aspect. Written `WIDTHxHEIGHT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resize {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// Pixels added on all four sides. Written `N`, `N:edge` or `N:zero`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// Pixels on each side.
    pub pixels: usize,
    /// What they hold.
    pub mode: PaddingMode,
}

/// What padding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaddingMode {
    /// The nearest pixel of the image, and the nearest label of a mask.
    Edge,
    /// Black. Masks say *ignore* there, as nobody labelled it.
    Zero,
}

impl FromStr for Crop {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let numbers: Option<Vec<usize>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[x, y, width, height]) if width > 0 && height > 0 => Ok(Crop { x, y, width, height }),
            _ => Err(Error::Usage(format!(
                "`{text}` is no crop; write x,y,width,height in pixels, such as 10,70,408,408"
            ))),
        }
    }
}

impl FromStr for Resize {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let size = text
            .split_once(['x', 'X', '×'])
            .and_then(|(width, height)| Some((width.trim().parse().ok()?, height.trim().parse().ok()?)));
        match size {
            Some((width @ 1..=LONGEST_SIDE, height @ 1..=LONGEST_SIDE)) => Ok(Resize { width, height }),
            _ => Err(Error::Usage(format!(
                "`{text}` is no size; write WIDTHxHEIGHT in pixels, up to {LONGEST_SIDE} each, such as 572x572"
            ))),
        }
    }
}

impl FromStr for Padding {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (pixels, mode) = match text.split_once(':') {
            None => (text, Some(PaddingMode::Edge)),
            Some((pixels, "edge")) => (pixels, Some(PaddingMode::Edge)),
            Some((pixels, "zero")) => (pixels, Some(PaddingMode::Zero)),
            Some((pixels, _)) => (pixels, None),
        };
        match (pixels.trim().parse(), mode) {
            (Ok(pixels @ 0..=LONGEST_SIDE), Some(mode)) => Ok(Padding { pixels, mode }),
            _ => Err(Error::Usage(format!(
                "`{text}` is no padding; write the pixels on each side, up to {LONGEST_SIDE}, and `:edge` (the \
                 default) or `:zero`, such as 82:edge"
            ))),
        }
    }
}

impl fmt::Display for Crop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{},{}", self.x, self.y, self.width, self.height)
    }
}

impl fmt::Display for Resize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl fmt::Display for Padding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            PaddingMode::Edge => "edge",
            PaddingMode::Zero => "zero",
        };
        write!(f, "{}:{mode}", self.pixels)
    }
}
