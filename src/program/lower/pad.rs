//! A border and its adjoint.

use super::Lowering;
use crate::error::{Error, Result};
use crate::graph::{NodeId, Op, PadMargins, PadMode};
use crate::kernels::{pad, pad_adjoint};

impl Lowering<'_> {
    /// Rows above, columns left, mode.
    fn border(&self, id: NodeId) -> Result<[u32; 3]> {
        let Op::Pad { mode, margins } = self.node(id).op else {
            return Err(Error::Network(format!("{} is no pad", self.node(id).op.kind())));
        };
        let (input, output) = (self.shape(self.node(id).inputs[0]), self.shape(id));
        let [top, left] = match margins {
            PadMargins::Fixed { top, left, .. } => [top, left],
            PadMargins::LikeCentred => [(output.h - input.h) / 2, (output.w - input.w) / 2],
            PadMargins::LikeBottomRight => [0, 0],
        };
        let mode = match mode {
            PadMode::Zero => pad::ZERO,
            PadMode::Replicate => pad::REPLICATE,
        };
        Ok([top as u32, left as u32, mode])
    }

    pub(super) fn pad(&mut self, id: NodeId) -> Result<()> {
        let (input, output) = self.ends(id, 0)?;
        let [top, left, mode] = self.border(id)?;
        let label = self.label(id, "");
        self.program.add_call(
            label,
            pad::Params {
                input: input.view,
                output: output.view,
                input_extent: input.shape.into(),
                output_extent: output.shape.into(),
                top,
                left,
                mode,
            },
            &[input.buffer],
            &[output.buffer],
        );
        Ok(())
    }

    pub(super) fn pad_adjoint(&mut self, id: NodeId) -> Result<()> {
        let gradient = self.gradient_place(id)?;
        let (output, accumulate) = self.begin_gradient(self.node(id).inputs[0])?;
        let [top, left, mode] = self.border(id)?;
        let label = self.label(id, "adjoint");
        self.program.add_call(
            label,
            pad_adjoint::Params {
                gradient: gradient.view,
                output: output.view,
                input_extent: output.shape.into(),
                output_extent: gradient.shape.into(),
                top,
                left,
                mode,
                accumulate: accumulate as u32,
            },
            &[gradient.buffer],
            &[output.buffer],
        );
        Ok(())
    }
}
