//! Max pooling and its adjoint.

use super::operator::{MOST_SETTING, Misfit, Operator, Site, check_settings, first, pair, windows};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::{max_pool2d, max_pool2d_adjoint};
use crate::tensor::Shape;

/// Max pooling; incomplete windows at the bottom and right are dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxPool2d {
    /// Rows and columns of a window.
    pub kernel: [usize; 2],
    /// Rows and columns between windows.
    pub stride: [usize; 2],
    /// Rows and columns around the input that windows may cover.
    pub padding: [usize; 2],
}

impl Operator for MaxPool2d {
    fn kind(&self) -> &'static str {
        "max_pool2d"
    }

    fn check(&self) -> Result<(), String> {
        check_settings("window", &self.kernel, 1..=MOST_SETTING)?;
        check_settings("stride", &self.stride, 1..=MOST_SETTING)?;
        let (kernel, padding) = (self.kernel, self.padding);
        match (0..2).any(|axis| padding[axis] > kernel[axis] / 2) {
            true => Err(format!(
                "has a padding of {padding:?}; want at most half the window {kernel:?}"
            )),
            false => Ok(()),
        }
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let input = first(inputs)?;
        Ok(Shape {
            h: windows(input.h, self.kernel[0], self.stride[0], self.padding[0])?,
            w: windows(input.w, self.kernel[1], self.stride[1], self.padding[1])?,
            ..input
        })
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
            padding: pair(self.padding),
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
            padding: pair(self.padding),
            accumulate: accumulate.into(),
            gated: 0,
            slope: 1.0,
        };
        let buffers = [input.buffer, gradient.buffer, output.buffer].map(Some);
        site.add("adjoint", params.into(), buffers.into());
        Ok(())
    }
}
