//! Softmax over channels and its adjoint, from the probabilities.

use super::operator::{Misfit, Operator, Site, first};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::{softmax, softmax_adjoint};
use crate::tensor::Shape;

/// Softmax over channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Softmax;

impl Operator for Softmax {
    fn kind(&self) -> &'static str {
        "softmax"
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        first(inputs)
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        let params = softmax::Params {
            input: input.view,
            output: output.view,
            extent: output.shape.into(),
        };
        site.add("", params.into(), vec![Some(input.buffer), Some(output.buffer)]);
        site.keep("probabilities", output);
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let (probabilities, gradient) = (site.kept("probabilities")?, site.gradient());
        let Some((output, accumulate)) = site.begin_gradient(0)? else {
            return Ok(());
        };
        let params = softmax_adjoint::Params {
            probabilities: probabilities.view,
            gradient: gradient.view,
            output: output.view,
            extent: output.shape.into(),
            accumulate: accumulate.into(),
        };
        let buffers = [probabilities.buffer, gradient.buffer, output.buffer].map(Some);
        site.add("adjoint", params.into(), buffers.into());
        Ok(())
    }
}
