//! Exponential linear unit and its adjoint, from its values.

use super::operator::{Misfit, Operator, Site, first};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::{elu, elu_adjoint};
use crate::tensor::Shape;

/// `x` above 0, `α (eˣ − 1)` below (Clevert, Unterthiner and Hochreiter, 2016).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elu {
    /// α, above 0.
    pub alpha: f32,
}

impl Operator for Elu {
    fn kind(&self) -> &'static str {
        "elu"
    }

    fn check(&self) -> Result<(), String> {
        match self.alpha > 0.0 && self.alpha.is_finite() {
            true => Ok(()),
            false => Err(format!(
                "has an alpha of {}; want a finite one above 0",
                self.alpha
            )),
        }
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        first(inputs)
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        let params = elu::Params {
            input: input.view,
            output: output.view,
            extent: output.shape.into(),
            alpha: self.alpha,
        };
        site.add("", params.into(), vec![Some(input.buffer), Some(output.buffer)]);
        site.keep("values", output);
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let (values, gradient) = (site.kept("values")?, site.gradient());
        let Some((output, accumulate)) = site.begin_gradient(0)? else {
            return Ok(());
        };
        let params = elu_adjoint::Params {
            values: values.view,
            gradient: gradient.view,
            output: output.view,
            extent: output.shape.into(),
            alpha: self.alpha,
            accumulate: accumulate.into(),
        };
        let buffers = [values.buffer, gradient.buffer, output.buffer].map(Some);
        site.add("adjoint", params.into(), buffers.into());
        Ok(())
    }
}
