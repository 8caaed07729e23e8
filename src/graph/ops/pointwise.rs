//! A function of each number by itself, and its adjoint, from what it was applied to.

use super::operator::{Misfit, Operator, Site, first};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::{Function, pointwise, pointwise_adjoint};
use crate::tensor::Shape;

/// A function of each number by itself.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Pointwise {
    /// Which one.
    pub function: Function,
}

impl From<Function> for Pointwise {
    fn from(function: Function) -> Self {
        Pointwise { function }
    }
}

impl Operator for Pointwise {
    fn kind(&self) -> &'static str {
        self.function.name()
    }

    fn check(&self) -> Result<(), String> {
        self.function.check()
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        first(inputs)
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        let [a, b] = self.function.settings();
        let params = pointwise::Params {
            input: input.view,
            output: output.view,
            extent: output.shape.into(),
            function: self.function.number(),
            a,
            b,
        };
        site.add("", params.into(), vec![Some(input.buffer), Some(output.buffer)]);
        site.keep("input", input);
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let (input, gradient) = (site.kept("input")?, site.gradient());
        let Some((output, accumulate)) = site.begin_gradient(0)? else {
            return Ok(());
        };
        let [a, b] = self.function.settings();
        let params = pointwise_adjoint::Params {
            input: input.view,
            gradient: gradient.view,
            output: output.view,
            extent: output.shape.into(),
            function: self.function.number(),
            a,
            b,
            in_place: 0,
            accumulate: accumulate.into(),
        };
        let buffers = [input.buffer, gradient.buffer, output.buffer].map(Some);
        site.add("adjoint", params.into(), buffers.into());
        Ok(())
    }
}
