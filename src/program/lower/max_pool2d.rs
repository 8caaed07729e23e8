//! Max pooling and its adjoint.

use super::Lowering;
use super::convolution::pair;
use crate::error::{Error, Result};
use crate::graph::{NodeId, Op};
use crate::kernels::{max_pool2d, max_pool2d_adjoint};

impl Lowering<'_> {
    /// Window, stride and padding.
    fn pooling(&self, id: NodeId) -> Result<[[u32; 2]; 3]> {
        match self.node(id).op {
            Op::MaxPool2d {
                kernel,
                stride,
                padding,
            } => Ok([pair(kernel), pair(stride), pair(padding)]),
            ref other => Err(Error::Network(format!("{} is no max_pool2d", other.kind()))),
        }
    }

    pub(super) fn max_pool2d(&mut self, id: NodeId) -> Result<()> {
        let (input, output) = self.ends(id, 0)?;
        let [kernel, stride, padding] = self.pooling(id)?;
        let label = self.label(id, "");
        self.program.add_call(
            label,
            max_pool2d::Params {
                input: input.view,
                output: output.view,
                input_extent: input.shape.into(),
                output_extent: output.shape.into(),
                kernel,
                stride,
                padding,
            },
            &[input.buffer],
            &[output.buffer],
        );
        Ok(())
    }

    pub(super) fn max_pool2d_adjoint(&mut self, id: NodeId) -> Result<()> {
        let (input, _) = self.ends(id, 0)?;
        let gradient = self.gradient_place(id)?;
        let (output, accumulate) = self.begin_gradient(self.node(id).inputs[0])?;
        let [kernel, stride, padding] = self.pooling(id)?;
        let label = self.label(id, "adjoint");
        self.program.add_call(
            label,
            max_pool2d_adjoint::Params {
                input: input.view,
                gradient: gradient.view,
                output: output.view,
                input_extent: input.shape.into(),
                output_extent: gradient.shape.into(),
                kernel,
                stride,
                padding,
                accumulate: accumulate as u32,
                gated: 0,
                slope: 1.0,
            },
            &[input.buffer, gradient.buffer],
            &[output.buffer],
        );
        Ok(())
    }
}
