//! Max pooling and its adjoint.

use super::margins::Margins;
use super::operator::{Misfit, Operator, Site, first, pair};
use super::pooling::{check_pooling, pooled};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::{max_pool2d, max_pool2d_adjoint};
use crate::tensor::Shape;

/// Max pooling; what lies around the input does not count.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct MaxPool2d {
    /// Rows and columns of a window.
    pub kernel: [usize; 2],
    /// Rows and columns between windows.
    pub stride: [usize; 2],
    /// Rows and columns around the input that windows may cover.
    pub padding: Margins,
    /// Whether incomplete windows at the bottom and right count: those that begin inside the input or before it.
    pub ceil: bool,
}

impl Operator for MaxPool2d {
    fn kind(&self) -> &'static str {
        "max_pool2d"
    }

    fn check(&self) -> Result<(), String> {
        check_pooling(self.kernel, self.stride, self.padding)
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        pooled(first(inputs)?, self.kernel, self.stride, self.padding, self.ceil)
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        let params = max_pool2d::Params {
            input: input.view,
            output: output.view,
            input_extent: input.shape.into(),
            output_extent: output.shape.into(),
            kernel: pair(self.kernel),
            stride: pair(self.stride),
            padding: pair(self.padding.before()),
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
        let params = max_pool2d_adjoint::Params {
            input: input.view,
            gradient: gradient.view,
            output: output.view,
            input_extent: input.shape.into(),
            output_extent: gradient.shape.into(),
            kernel: pair(self.kernel),
            stride: pair(self.stride),
            padding: pair(self.padding.before()),
            accumulate: accumulate.into(),
            gated: 0,
            slope: 1.0,
        };
        let buffers = [input.buffer, gradient.buffer, output.buffer].map(Some);
        site.add("adjoint", params.into(), buffers.into());
        Ok(())
    }
}
