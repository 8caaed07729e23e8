//! How a perturbation is made smaller once what was asked for is reached.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::{Error, Result};

/// Whether and for how long the perturbation shrinks once the IoU asked for is reached, as long as that stays so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refinement {
    /// It stays as it is.
    Off,
    /// For at most as many iterations as it took to get there, and not below [`StepSize::FLOOR`](super::StepSize::FLOOR).
    #[default]
    On,
    /// For at most so many iterations, at least 1, as small as it gets.
    Iterations(u32),
}

impl fmt::Display for Refinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refinement::Off => f.write_str("off"),
            Refinement::On => f.write_str("on"),
            Refinement::Iterations(count) => count.fmt(f),
        }
    }
}

impl FromStr for Refinement {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match (text, text.parse()) {
            ("off", _) => Ok(Refinement::Off),
            ("on", _) => Ok(Refinement::On),
            (_, Ok(count @ 1..)) => Ok(Refinement::Iterations(count)),
            _ => Err(Error::Usage(format!(
                "refinement `{text}` is unknown; want on, off, or for how many iterations at most, such as 400"
            ))),
        }
    }
}

impl Serialize for Refinement {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
