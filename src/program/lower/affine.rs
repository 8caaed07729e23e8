//! Scale and shift per channel, where no convolution before it takes them in; and its adjoint, the same
//! kernel without the shift.

use super::Lowering;
use crate::error::{Error, Result};
use crate::graph::{NodeId, Op};
use crate::kernels::affine;
use crate::program::Place;

impl Lowering<'_> {
    /// Scale and shift of each channel in turn.
    fn coefficients(&self, id: NodeId) -> Result<Vec<[f32; 2]>> {
        match self.node(id).op {
            Op::Affine { scale, shift } => {
                let pairs = self.graph.data(scale).iter().zip(self.graph.data(shift));
                Ok(pairs.map(|(&scale, &shift)| [scale, shift]).collect())
            }
            ref other => Err(Error::Network(format!("{} is no affine", other.kind()))),
        }
    }

    pub(super) fn affine(&mut self, id: NodeId) -> Result<()> {
        let (input, output) = self.ends(id, 0)?;
        let coefficients = self.coefficients(id)?;
        self.add_affine(self.label(id, ""), input, output, coefficients, false);
        Ok(())
    }

    pub(super) fn affine_adjoint(&mut self, id: NodeId) -> Result<()> {
        let gradient = self.gradient_place(id)?;
        let (output, accumulate) = self.begin_gradient(self.node(id).inputs[0])?;
        let scales = self
            .coefficients(id)?
            .into_iter()
            .map(|[scale, _]| [scale, 0.0])
            .collect();
        self.add_affine(self.label(id, "adjoint"), gradient, output, scales, accumulate);
        Ok(())
    }

    fn add_affine(
        &mut self,
        label: String,
        input: Place,
        output: Place,
        coefficients: Vec<[f32; 2]>,
        accumulate: bool,
    ) {
        let coefficients = self
            .program
            .add_constant(format!("coefficients of {label}"), coefficients.concat());
        self.program.add_call(
            label,
            affine::Params {
                input: input.view,
                output: output.view,
                extent: output.shape.into(),
                accumulate: accumulate as u32,
                unused: [0; 3],
            },
            &[input.buffer, coefficients],
            &[output.buffer],
        );
    }
}
