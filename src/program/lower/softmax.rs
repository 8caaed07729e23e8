//! Softmax over channels and its adjoint, from the probabilities.

use super::Lowering;
use crate::error::Result;
use crate::graph::NodeId;
use crate::kernels::{softmax, softmax_adjoint};

impl Lowering<'_> {
    pub(super) fn softmax(&mut self, id: NodeId) -> Result<()> {
        let (input, output) = self.ends(id, 0)?;
        let label = self.label(id, "");
        self.program.add_call(
            label,
            softmax::Params {
                input: input.view,
                output: output.view,
                extent: output.shape.into(),
            },
            &[input.buffer],
            &[output.buffer],
        );
        Ok(())
    }

    pub(super) fn softmax_adjoint(&mut self, id: NodeId) -> Result<()> {
        let probabilities = self.place(id)?;
        let gradient = self.gradient_place(id)?;
        let (output, accumulate) = self.begin_gradient(self.node(id).inputs[0])?;
        let label = self.label(id, "adjoint");
        self.program.add_call(
            label,
            softmax_adjoint::Params {
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
