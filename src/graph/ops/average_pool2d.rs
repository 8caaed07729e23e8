//! Average pooling and its adjoint.

use super::margins::Margins;
use super::operator::{Misfit, Operator, Site, first, pair};
use super::pooling::{check_pooling, pooled};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::{average_pool2d, average_pool2d_adjoint};
use crate::tensor::Shape;

/// Average pooling.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AveragePool2d {
    /// Rows and columns of a window.
    pub kernel: [usize; 2],
    /// Rows and columns between windows.
    pub stride: [usize; 2],
    /// Rows and columns around the input that windows may cover; their values are 0.
    pub padding: Margins,
    /// Whether incomplete windows at the bottom and right count: those that begin inside the input or before it.
    pub ceil: bool,
    /// Whether the padding counts in what sums are divided by. What lies beyond it never does.
    pub count_padding: bool,
}

impl Operator for AveragePool2d {
    fn kind(&self) -> &'static str {
        "average_pool2d"
    }

    fn check(&self) -> Result<(), String> {
        check_pooling(self.kernel, self.stride, self.padding)
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        pooled(first(inputs)?, self.kernel, self.stride, self.padding, self.ceil)
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        let counted = self.counted();
        let params = average_pool2d::Params {
            input: input.view,
            output: output.view,
            input_extent: input.shape.into(),
            output_extent: output.shape.into(),
            kernel: pair(self.kernel),
            stride: pair(self.stride),
            padding: pair(self.padding.before()),
            counted_before: pair(counted.before()),
            counted_after: pair(counted.after()),
        };
        site.add("", params.into(), vec![Some(input.buffer), Some(output.buffer)]);
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let gradient = site.gradient();
        let Some((output, accumulate)) = site.begin_gradient(0)? else {
            return Ok(());
        };
        let counted = self.counted();
        let params = average_pool2d_adjoint::Params {
            gradient: gradient.view,
            output: output.view,
            input_extent: output.shape.into(),
            output_extent: gradient.shape.into(),
            kernel: pair(self.kernel),
            stride: pair(self.stride),
            padding: pair(self.padding.before()),
            counted_before: pair(counted.before()),
            counted_after: pair(counted.after()),
            accumulate: accumulate.into(),
        };
        let buffers = [gradient.buffer, output.buffer].map(Some);
        site.add("adjoint", params.into(), buffers.into());
        Ok(())
    }
}

impl AveragePool2d {
    /// The part of the padding that counts.
    fn counted(&self) -> Margins {
        match self.count_padding {
            true => self.padding,
            false => Margins::NONE,
        }
    }
}
