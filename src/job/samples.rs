//! Samples that stand in somebody else's memory.

use std::fmt::Debug;

use crate::error::Result;
use crate::tensor::{Shape, Tensor};

/// Samples of one size. Each is copied out when its turn comes, so that nobody holds all of them twice, and what is looked at
/// and computed with is the copy, whoever may write to them meanwhile.
pub trait Samples: Debug + Sync {
    /// Samples, channels, rows, columns.
    fn shape(&self) -> Shape;

    /// Sample `number`, from 0, as a tensor of one.
    ///
    /// # Errors
    /// If it is there no more.
    fn copied(&self, number: usize) -> Result<Tensor>;
}

impl Samples for Tensor {
    fn shape(&self) -> Shape {
        Tensor::shape(self)
    }

    fn copied(&self, number: usize) -> Result<Tensor> {
        Ok(self.sample(number))
    }
}
