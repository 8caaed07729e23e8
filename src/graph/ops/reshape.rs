//! Other sizes for the same numbers, and its adjoint: the same back.

use super::operator::{Misfit, Operator, Site, first, first_two};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::reshape;
use crate::program::Place;
use crate::tensor::Shape;

/// How many of an axis there are afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ReshapeExtent {
    /// So many.
    Exactly(usize),
    /// As many as the input has of its axis 0 to 3.
    Same(usize),
    /// As many as the second input has of its axis 0 to 3.
    Other(usize),
    /// As many as are left; of one axis at most.
    Rest,
}

/// The same numbers in the same order, row by row, channel by channel, sample by sample, with other sizes; reads a second
/// node if a size is [`ReshapeExtent::Other`].
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Reshape {
    /// Samples, channels, rows, columns.
    pub shape: [ReshapeExtent; 4],
}

impl Reshape {
    /// To sizes that do not depend on the input.
    pub fn exactly(shape: [usize; 4]) -> Reshape {
        Reshape {
            shape: shape.map(ReshapeExtent::Exactly),
        }
    }

    fn reads_another(&self) -> bool {
        let other = |extent: &ReshapeExtent| matches!(extent, ReshapeExtent::Other(_));
        self.shape.iter().any(other)
    }
}

impl Operator for Reshape {
    fn kind(&self) -> &'static str {
        "reshape"
    }

    fn inputs(&self) -> std::ops::RangeInclusive<usize> {
        match self.reads_another() {
            true => 2..=2,
            false => 1..=1,
        }
    }

    fn check(&self) -> Result<(), String> {
        let rests = self.shape.iter().filter(|extent| **extent == ReshapeExtent::Rest);
        if rests.count() > 1 {
            return Err("leaves the sizes of two axes open; want one at most".into());
        }
        let wrong = |extent: &&ReshapeExtent| match extent {
            ReshapeExtent::Exactly(size) => *size == 0,
            ReshapeExtent::Same(axis) | ReshapeExtent::Other(axis) => *axis > 3,
            ReshapeExtent::Rest => false,
        };
        match self.shape.iter().find(wrong) {
            Some(extent) => Err(format!(
                "has the size {extent:?}; want sizes above 0 and axes 0 to 3"
            )),
            None => Ok(()),
        }
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let input = first(inputs)?;
        let other = match self.reads_another() {
            true => first_two(inputs)?[1],
            false => input,
        };
        let known = self.shape.map(|extent| match extent {
            ReshapeExtent::Exactly(size) => Some(size),
            ReshapeExtent::Same(axis) => input.sizes().get(axis).copied(),
            ReshapeExtent::Other(axis) => other.sizes().get(axis).copied(),
            ReshapeExtent::Rest => None,
        });
        let product = known
            .iter()
            .flatten()
            .try_fold(1usize, |product, &size| product.checked_mul(size));
        let rest = product.and_then(|product| input.elements().checked_div(product));
        let [n, c, h, w] = known.map(|size| size.or(rest).unwrap_or(0));
        let elements = [n, c, h, w]
            .iter()
            .try_fold(1usize, |product, &size| product.checked_mul(size));
        match elements == Some(input.elements()) {
            true => Ok(Shape::new(n, c, h, w)),
            false => Err(Misfit::Other(format!(
                "gives {input} the sizes {n}×{c}×{h}×{w}, which have another number of elements"
            ))),
        }
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        add(site, "", input, output, false);
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let gradient = site.gradient();
        if let Some((output, accumulate)) = site.begin_gradient(0)? {
            add(site, "adjoint", gradient, output, accumulate);
        }
        Ok(())
    }
}

fn add(site: &mut dyn Site, part: &str, input: Place, output: Place, accumulate: bool) {
    let params = reshape::Params {
        input: input.view,
        output: output.view,
        input_extent: input.shape.into(),
        extent: output.shape.into(),
        accumulate: accumulate.into(),
    };
    site.add(part, params.into(), vec![Some(input.buffer), Some(output.buffer)]);
}
