//! The logistic function and its adjoint, from the probabilities.

use super::Lowering;
use crate::error::Result;
use crate::graph::NodeId;
use crate::kernels::{sigmoid, sigmoid_adjoint};

impl Lowering<'_> {
    pub(super) fn sigmoid(&mut self, id: NodeId) -> Result<()> {
        let (input, output) = self.ends(id, 0)?;
        let label = self.label(id, "");
        self.program.add_call(
            label,
            sigmoid::Params {
                input: input.view,
                output: output.view,
                extent: output.shape.into(),
            },
            &[input.buffer],
            &[output.buffer],
        );
        Ok(())
    }

    pub(super) fn sigmoid_adjoint(&mut self, id: NodeId) -> Result<()> {
        let probabilities = self.place(id)?;
        let gradient = self.gradient_place(id)?;
        let (output, accumulate) = self.begin_gradient(self.node(id).inputs[0])?;
        let label = self.label(id, "adjoint");
        self.program.add_call(
            label,
            sigmoid_adjoint::Params {
                probabilities: probabilities.view,
                gradient: gradient.view,
                output: output.view,
                extent: output.shape.into(),
                accumulate: accumulate as u32,
            },
            &[probabilities.buffer, gradient.buffer],
            &[output.buffer],
        );
        Ok(())
    }
}
