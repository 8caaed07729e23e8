//! The network's input.

use super::operator::{Misfit, Operator, Site, first};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::tensor::Shape;

/// The network's input.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Input {
    /// Its channels.
    pub channels: usize,
    /// The only rows and columns that it takes, if they are fixed.
    pub size: Option<[usize; 2]>,
}

impl Operator for Input {
    fn kind(&self) -> &'static str {
        "input"
    }

    fn inputs(&self) -> std::ops::RangeInclusive<usize> {
        0..=0
    }

    /// What the network is given stands for the one input.
    fn shape(&self, given: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let given = first(given)?;
        if given.c != self.channels {
            return Err(Misfit::Other(format!(
                "takes {} channels, but the input has {}",
                self.channels, given.c
            )));
        }
        match self.size {
            Some([rows, columns]) if (given.h, given.w) != (rows, columns) => Err(Misfit::Other(format!(
                "takes {rows}×{columns} (rows × columns) alone, but the input has {}×{}",
                given.h, given.w
            ))),
            _ => Ok(given),
        }
    }

    fn forward(&self, _: &mut dyn Site) -> Result<()> {
        Ok(())
    }

    fn adjoint(&self, _: &mut dyn Site) -> Result<()> {
        Ok(())
    }
}
