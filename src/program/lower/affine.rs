//! Scale and shift per channel, where no convolution before it takes them in; and its adjoint, the same
//! kernel without the shift.

use super::Lowering;
use super::coefficients::Origin;
use crate::error::{Error, Result};
use crate::graph::{NodeId, Op, ParameterId};
use crate::kernels::{affine, channel_sums};
use crate::program::Place;

impl Lowering<'_> {
    /// The parameters with the scale and the shift of each channel.
    fn scale_and_shift(&self, id: NodeId) -> Result<[ParameterId; 2]> {
        match self.node(id).op {
            Op::Affine { scale, shift } => Ok([scale, shift]),
            ref other => Err(Error::Network(format!("{} is no affine", other.kind()))),
        }
    }

    pub(super) fn affine(&mut self, id: NodeId) -> Result<()> {
        let (input, output) = self.ends(id, 0)?;
        let [scale, shift] = self.scale_and_shift(id)?;
        let coefficients = (0..output.shape.c)
            .map(|c| [Origin::Parameter(scale, c), Origin::Parameter(shift, c)])
            .collect();
        self.add_affine(self.label(id, ""), input, output, coefficients, false);
        Ok(())
    }

    pub(super) fn affine_adjoint(&mut self, id: NodeId) -> Result<()> {
        let gradient = self.gradient_place(id)?;
        let [scale, shift] = self.scale_and_shift(id)?;
        if self.trainable.is_some() {
            let (input, _) = self.ends(id, 0)?;
            let [of_scale, of_shift] = ["scale gradient", "shift gradient"].map(|part| self.label(id, part));
            self.add_channel_gradient(of_scale, scale, input, gradient, channel_sums::PRODUCT);
            self.add_channel_gradient(of_shift, shift, gradient, gradient, channel_sums::GRADIENT);
        }
        let input = self.node(id).inputs[0];
        if !self.wants_gradient(input) {
            return Ok(());
        }
        let (output, accumulate) = self.begin_gradient(input)?;
        let scales = (0..output.shape.c)
            .map(|c| [Origin::Parameter(scale, c), Origin::Fixed(0.0)])
            .collect();
        self.add_affine(self.label(id, "adjoint"), gradient, output, scales, accumulate);
        Ok(())
    }

    fn add_affine(
        &mut self,
        label: String,
        input: Place,
        output: Place,
        coefficients: Vec<[Origin; 2]>,
        accumulate: bool,
    ) {
        let coefficients =
            self.add_coefficients(format!("coefficients of {label}"), coefficients.into_flattened());
        self.program.add_call(
            label,
            affine::Params {
                input: input.view,
                output: output.view,
                extent: output.shape.into(),
                accumulate: accumulate as u32,
            },
            &[input.buffer, coefficients],
            &[output.buffer],
        );
    }
}
