//! Elementwise sum and its adjoint: the gradient goes to both summands.

use super::Lowering;
use crate::error::Result;
use crate::graph::NodeId;
use crate::kernels::add;

impl Lowering<'_> {
    pub(super) fn add(&mut self, id: NodeId) -> Result<()> {
        let (left, output) = self.ends(id, 0)?;
        let (right, _) = self.ends(id, 1)?;
        let label = self.label(id, "");
        self.program.add_call(
            label,
            add::Params {
                left: left.view,
                right: right.view,
                output: output.view,
                extent: output.shape.into(),
            },
            &[left.buffer, right.buffer],
            &[output.buffer],
        );
        Ok(())
    }

    pub(super) fn add_adjoint(&mut self, id: NodeId) -> Result<()> {
        let gradient = self.gradient_place(id)?;
        for &input in &self.node(id).inputs {
            let (output, accumulate) = self.begin_gradient(input)?;
            self.add_copy(self.label(id, "adjoint"), gradient, output, accumulate);
        }
        Ok(())
    }
}
