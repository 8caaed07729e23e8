//! A window of a node's values, at no cost.

use super::operator::{Misfit, Operator, Site, first};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::tensor::Shape;

/// How much of an axis a slice takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum SliceSize {
    /// All from where it begins.
    Rest,
    /// So many.
    Exactly(usize),
    /// All but so many at the end.
    Less(usize),
}

/// A window of samples, channels, rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Slice {
    /// The first of each.
    pub begin: [usize; 4],
    /// How many of each.
    pub size: [SliceSize; 4],
}

impl Operator for Slice {
    fn kind(&self) -> &'static str {
        "slice"
    }

    fn check(&self) -> Result<(), String> {
        match self.size.contains(&SliceSize::Exactly(0)) {
            true => Err("takes 0 of an axis; want one at least".into()),
            false => Ok(()),
        }
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let input = first(inputs)?;
        let sizes = input.sizes();
        let taken = |axis: usize| {
            let rest = sizes[axis].checked_sub(self.begin[axis]);
            let left = match self.size[axis] {
                SliceSize::Rest => rest,
                SliceSize::Less(less) => rest.and_then(|rest| rest.checked_sub(less)),
                SliceSize::Exactly(size) => rest.filter(|rest| size <= *rest).map(|_| size),
            };
            left.filter(|left| *left > 0).ok_or_else(|| match axis {
                0 | 1 => Misfit::Other(format!(
                    "takes {} of axis {axis} from {} on, but is given {input}",
                    match self.size[axis] {
                        SliceSize::Rest => "all".to_string(),
                        SliceSize::Less(less) => format!("all but {less}"),
                        SliceSize::Exactly(size) => size.to_string(),
                    },
                    self.begin[axis]
                )),
                _ => Misfit::TooSmall,
            })
        };
        Ok(Shape {
            n: taken(0)?,
            c: taken(1)?,
            h: taken(2)?,
            w: taken(3)?,
        })
    }

    // Its values are placed inside the input's, and so are their gradients.
    fn forward(&self, _: &mut dyn Site) -> Result<()> {
        Ok(())
    }

    fn adjoint(&self, _: &mut dyn Site) -> Result<()> {
        Ok(())
    }
}
