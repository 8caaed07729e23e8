//! A tensor of weights, of any number of dimensions.

use super::elements::describe_non_finite;
use super::message::quoted;
use crate::error::{Error, Result};

/// A tensor of weights: its numbers in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightTensor {
    /// The extent along each dimension, outermost first; empty for a single number.
    pub shape: Vec<usize>,
    /// The numbers: as many as the product of `shape`.
    pub data: Vec<f32>,
}

impl WeightTensor {
    /// A tensor of this shape and these numbers.
    ///
    /// # Errors
    /// If an extent is zero or the shape does not hold exactly as many numbers as `data`.
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Result<Self> {
        let tensor = WeightTensor { shape, data };
        match tensor.describe_misfit() {
            Some(problem) => Err(Error::Usage(format!("a tensor of weights {problem}"))),
            None => Ok(tensor),
        }
    }

    /// Checks what [`WeightTensor::new`] does, and that all numbers are finite.
    pub(super) fn check(&self, name: &str) -> Result<()> {
        if let Some(problem) = self.describe_misfit() {
            return Err(Error::Usage(format!("the tensor {} {problem}", quoted(name))));
        }
        if let Some(problem) = describe_non_finite(&self.data, &self.shape) {
            return Err(Error::NotFinite(format!("the tensor {} {problem}", quoted(name))));
        }
        Ok(())
    }

    fn describe_misfit(&self) -> Option<String> {
        let wanted = self
            .shape
            .iter()
            .try_fold(1usize, |product, &extent| product.checked_mul(extent));
        if self.shape.contains(&0) {
            Some(format!(
                "has shape {:?}, and every extent must be at least 1",
                self.shape
            ))
        } else if wanted != Some(self.data.len()) {
            Some(format!(
                "has shape {:?}, which does not fit the {} numbers given",
                self.shape,
                self.data.len()
            ))
        } else {
            None
        }
    }
}
