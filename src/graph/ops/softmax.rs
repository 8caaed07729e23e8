//! Softmax over an axis and its adjoint, from the probabilities.

use super::operator::{Misfit, Operator, Site, first};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::{softmax, softmax_adjoint};
use crate::tensor::Shape;

/// `e^x / Σ e^x`, the sum over one axis.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Softmax {
    /// 0 to 3: over samples, channels, rows or columns.
    pub axis: usize,
}

impl Operator for Softmax {
    fn kind(&self) -> &'static str {
        "softmax"
    }

    fn check(&self) -> Result<(), String> {
        match self.axis {
            0..=3 => Ok(()),
            axis => Err(format!("is over axis {axis}; want 0 to 3")),
        }
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
            axis: self.axis as u32,
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
            axis: self.axis as u32,
            accumulate: accumulate.into(),
        };
        let buffers = [probabilities.buffer, gradient.buffer, output.buffer].map(Some);
        site.add("adjoint", params.into(), buffers.into());
        Ok(())
    }
}
