//! Other sizes for the same numbers, and its adjoint: the same back.

use super::operator::{Misfit, Operator, Site, first};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::reshape;
use crate::program::Place;
use crate::tensor::Shape;

/// The same numbers in the same order, row by row, channel by channel, sample by sample, with other sizes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reshape {
    /// Samples, channels, rows, columns.
    pub shape: [usize; 4],
}

impl Operator for Reshape {
    fn kind(&self) -> &'static str {
        "reshape"
    }

    fn check(&self) -> Result<(), String> {
        match self.shape.contains(&0) {
            true => Err(format!("has sizes {:?}; want none of them 0", self.shape)),
            false => Ok(()),
        }
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let input = first(inputs)?;
        let elements = self
            .shape
            .iter()
            .try_fold(1usize, |product, &size| product.checked_mul(size));
        let [n, c, h, w] = self.shape;
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
