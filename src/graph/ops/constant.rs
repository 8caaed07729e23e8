//! A tensor that is the same for every input.

use super::operator::{Misfit, Operator, Site, add_copy};
use crate::error::Result;
use crate::graph::parameter::{Origin, Parameter, ParameterId};
use crate::kernels::View;
use crate::program::Place;
use crate::tensor::Shape;

/// A tensor that is the same for every input: a node that reads no other.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Constant {
    /// Its numbers, of four dimensions.
    pub values: ParameterId,
}

impl Operator for Constant {
    fn kind(&self) -> &'static str {
        "constant"
    }

    fn inputs(&self) -> std::ops::RangeInclusive<usize> {
        0..=0
    }

    fn parameters(&self) -> Vec<(ParameterId, usize)> {
        vec![(self.values, 4)]
    }

    fn shape(&self, _: &[Shape], parameters: &[Parameter]) -> Result<Shape, Misfit> {
        match parameters
            .get(self.values.0)
            .map(|parameter| &parameter.shape[..])
        {
            Some(&[n, c, h, w]) => Ok(Shape::new(n, c, h, w)),
            _ => Err(Misfit::Other("has no four dimensions".into())),
        }
    }

    // Where nothing is trained, its values stand in a constant buffer from the start.
    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        if site.trains() {
            let output = site.output();
            let origins = (0..output.shape.elements()).map(|index| Origin::Parameter(self.values, index));
            let buffer = site.coefficients("values", "", origins.collect());
            let values = Place {
                buffer,
                view: View::dense(output.shape),
                ..output
            };
            add_copy(site, "", values, output, false);
        }
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        if site.trains() {
            // Its values are dense and alone in their buffer, and so are their gradients.
            let gradient = site.gradient();
            site.add_up(
                "gradient",
                gradient.buffer,
                1,
                self.values,
                gradient.shape.elements(),
            );
        }
        Ok(())
    }
}
