//! Slope activation: standing alone, or the adjoint of one that is fused to a convolution.

use super::Lowering;
use super::coefficients::Origin;
use super::weights::slopes_per_channel;
use crate::error::{Error, Result};
use crate::graph::{NodeId, Op, Slopes};
use crate::kernels::{channel_sums, slope, slope_adjoint};

impl Lowering<'_> {
    fn slopes(&self, id: NodeId) -> Result<Vec<Origin>> {
        match self.node(id).op {
            Op::Slope { slopes } => Ok(slopes_per_channel(self.graph, slopes, self.shape(id).c)),
            ref other => Err(Error::Network(format!("{} is no slope activation", other.kind()))),
        }
    }

    pub(super) fn slope(&mut self, id: NodeId) -> Result<()> {
        let (input, output) = self.ends(id, 0)?;
        let slopes = self.slopes(id)?;
        let label = self.label(id, "");
        let slopes = self.add_coefficients(format!("slopes of {label}"), slopes);
        self.program.add_call(
            label,
            slope::Params {
                input: input.view,
                output: output.view,
                extent: output.shape.into(),
            },
            &[input.buffer, slopes],
            &[output.buffer],
        );
        Ok(())
    }

    pub(super) fn slope_adjoint(&mut self, id: NodeId) -> Result<()> {
        let (reference, _) = self.ends(id, 0)?;
        let gradient = self.gradient_place(id)?;
        if let Op::Slope {
            slopes: Slopes::Learnt(slopes),
        } = self.node(id).op
            && self.trainable.is_some()
        {
            let label = self.label(id, "slope gradient");
            self.add_channel_gradient(label, slopes, reference, gradient, channel_sums::NEGATIVE_PRODUCT);
        }
        let input = self.node(id).inputs[0];
        if !self.wants_gradient(input) {
            return Ok(());
        }
        let (output, accumulate) = self.begin_gradient(input)?;
        let slopes = self.slopes(id)?;
        let label = self.label(id, "adjoint");
        let slopes = self.add_coefficients(format!("slopes of {label}"), slopes);
        self.program.add_call(
            label,
            slope_adjoint::Params {
                reference: reference.view,
                gradient: gradient.view,
                output: output.view,
                extent: output.shape.into(),
                in_place: 0,
                accumulate: accumulate as u32,
            },
            &[reference.buffer, slopes, gradient.buffer],
            &[output.buffer],
        );
        Ok(())
    }

    /// Takes the gradient of a convolution's activated values to that of the values before the activation: as part of
    /// the call that wrote the gradient last, if that can do it, else in place.
    pub(super) fn slope_adjoint_of_gradient(&mut self, id: NodeId, slopes: &[f32]) -> Result<()> {
        let reference = self.place(id)?;
        let output = self.gradient_place(id)?;
        if self.trainable.is_none() && self.program.gate_last_write(output, reference, slopes) {
            return Ok(());
        }
        let label = self.label(id, "activation adjoint");
        let slopes = self
            .program
            .add_constant(format!("slopes of {label}"), slopes.to_vec());
        self.program.add_call(
            label,
            slope_adjoint::Params {
                reference: reference.view,
                gradient: output.view,
                output: output.view,
                extent: output.shape.into(),
                in_place: 1,
                accumulate: 0,
            },
            [Some(reference.buffer), Some(slopes), None],
            &[output.buffer],
        );
        Ok(())
    }
}
