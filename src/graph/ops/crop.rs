//! The centre of a node: a window of its values, at no cost.

use super::operator::{Misfit, Operator, Site, first_two};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::tensor::Shape;

/// The centre of the first input, as large as the second; of an odd rest the larger half is cut off below and right.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Crop;

impl Operator for Crop {
    fn kind(&self) -> &'static str {
        "crop"
    }

    fn inputs(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let [first, like] = first_two(inputs)?;
        match like.h > first.h || like.w > first.w {
            true => Err(Misfit::Other(format!("would crop {first} to the larger {like}"))),
            false => Ok(Shape {
                h: like.h,
                w: like.w,
                ..first
            }),
        }
    }

    // Its values are placed inside the first input's, and so are their gradients.
    fn forward(&self, _: &mut dyn Site) -> Result<()> {
        Ok(())
    }

    fn adjoint(&self, _: &mut dyn Site) -> Result<()> {
        Ok(())
    }
}
