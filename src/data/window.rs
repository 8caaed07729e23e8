//! Which measured values are shown as black and which as white, as viewers of scans have it.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// How measured values become greys from 0 (black) to 1 (white). Written `LOW..HIGH`, or `CENTRE,WIDTH` as viewers of scans
/// write it, which is the same from half the width below the centre to half of it above.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Window {
    /// Evenly from one value to a larger one, and cut beyond them.
    Range {
        /// Black, as is all below.
        low: f64,
        /// White, as is all above.
        high: f64,
    },
    /// `1 / (1 + exp(−4 (x − centre) / width))`, the VOI LUT function SIGMOID of DICOM (PS3.3 C.11.2.1.3.1).
    Sigmoid {
        /// Half grey.
        centre: f64,
        /// How far it is, about, from black to white; above 0.
        width: f64,
    },
}

impl Window {
    /// The grey of a value, from 0 to 1.
    pub fn level(self, value: f64) -> f64 {
        match self {
            Window::Range { low, high } => ((value - low) / (high - low)).clamp(0.0, 1.0),
            Window::Sigmoid { centre, width } => 1.0 / (1.0 + (-4.0 * (value - centre) / width).exp()),
        }
    }

    /// The value of a grey; infinite for the black and the white of a sigmoid, which it comes near to and never reaches.
    pub fn value(self, level: f64) -> f64 {
        match self {
            Window::Range { low, high } => low + level * (high - low),
            Window::Sigmoid { centre, width } => centre - width / 4.0 * (1.0 / level - 1.0).ln(),
        }
    }

    /// That of a centre and a width as the VOI LUT function of this name has it (PS3.3 C.11.2.1.2 and C.11.2.1.3), nothing if
    /// there is no such function or the width is too small for it.
    pub(crate) fn of_function(function: &str, centre: f64, width: f64) -> Option<Window> {
        let half = width / 2.0;
        let (low, high) = (centre - half, centre + half);
        let window = match function {
            // Made for whole numbers, of which the last one below the upper bound is white.
            "LINEAR" => Window::Range {
                low,
                high: high - 1.0,
            },
            "LINEAR_EXACT" => Window::Range { low, high },
            "SIGMOID" => Window::Sigmoid { centre, width },
            _ => return None,
        };
        window.is_sound().then_some(window)
    }

    /// Whether it tells values apart.
    pub(crate) fn is_sound(self) -> bool {
        match self {
            Window::Range { low, high } => {
                low.is_finite() && high.is_finite() && (high - low).is_normal() && low < high
            }
            Window::Sigmoid { centre, width } => centre.is_finite() && width.is_normal() && width > 0.0,
        }
    }
}

impl FromStr for Window {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let window = if let Some((low, high)) = text.split_once("..") {
            number(low)
                .zip(number(high))
                .map(|(low, high)| Window::Range { low, high })
        } else if let Some((centre, width)) = text.split_once(',') {
            number(centre)
                .zip(number(width))
                .and_then(|(centre, width)| Window::of_function("LINEAR_EXACT", centre, width))
        } else {
            None
        };
        window.filter(|window| window.is_sound()).ok_or_else(|| {
            Error::Usage(format!(
                "`{text}` is no window; write LOW..HIGH, the values that are black and white, such as -160..240, or \
                 CENTRE,WIDTH, such as 40,400"
            ))
        })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Window::Range { low, high } => write!(f, "{low}..{high}"),
            Window::Sigmoid { centre, width } => write!(f, "sigmoid around {centre} of width {width}"),
        }
    }
}
