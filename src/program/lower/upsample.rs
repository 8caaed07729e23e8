//! Resampling and its adjoint.

use super::Lowering;
use crate::error::{Error, Result};
use crate::graph::{NodeId, Op, Resampling};
use crate::kernels::{upsample, upsample_adjoint};

impl Lowering<'_> {
    fn resampling(&self, id: NodeId) -> Result<u32> {
        match self.node(id).op {
            Op::Upsample { mode, .. } => Ok(match mode {
                Resampling::Nearest => upsample::NEAREST,
                Resampling::Bilinear => upsample::BILINEAR,
                Resampling::BilinearAligned => upsample::BILINEAR_ALIGNED,
            }),
            ref other => Err(Error::Network(format!("{} is no upsample", other.kind()))),
        }
    }

    pub(super) fn upsample(&mut self, id: NodeId) -> Result<()> {
        let (input, output) = self.ends(id, 0)?;
        let mode = self.resampling(id)?;
        let label = self.label(id, "");
        self.program.add_call(
            label,
            upsample::Params {
                input: input.view,
                output: output.view,
                input_extent: input.shape.into(),
                output_extent: output.shape.into(),
                mode,
            },
            &[input.buffer],
            &[output.buffer],
        );
        Ok(())
    }

    pub(super) fn upsample_adjoint(&mut self, id: NodeId) -> Result<()> {
        let gradient = self.gradient_place(id)?;
        let (output, accumulate) = self.begin_gradient(self.node(id).inputs[0])?;
        let mode = self.resampling(id)?;
        let label = self.label(id, "adjoint");
        self.program.add_call(
            label,
            upsample_adjoint::Params {
                gradient: gradient.view,
                output: output.view,
                input_extent: output.shape.into(),
                output_extent: gradient.shape.into(),
                mode,
                accumulate: accumulate as u32,
            },
            &[gradient.buffer],
            &[output.buffer],
        );
        Ok(())
    }
}
