//! Scale and shift per channel, as of a normalisation with fixed statistics; and its adjoint, the same kernel without
//! the shift.

use super::operator::{Misfit, Operator, Site, add_channel_gradient, first, per_channel};
use crate::error::Result;
use crate::graph::parameter::{Origin, Parameter, ParameterId};
use crate::kernels::{affine, channel_sums};
use crate::program::Place;
use crate::tensor::Shape;

/// `scale_c · x + shift_c`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Affine {
    /// One number per channel.
    pub scale: ParameterId,
    /// One number per channel.
    pub shift: ParameterId,
}

impl Operator for Affine {
    fn kind(&self) -> &'static str {
        "affine"
    }

    fn parameters(&self) -> Vec<(ParameterId, usize)> {
        vec![(self.scale, 1), (self.shift, 1)]
    }

    fn shape(&self, inputs: &[Shape], parameters: &[Parameter]) -> Result<Shape, Misfit> {
        let input = first(inputs)?;
        per_channel(parameters, self.scale, input.c)?;
        per_channel(parameters, self.shift, input.c)?;
        Ok(input)
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        let shift = |c| Origin::Parameter(self.shift, c);
        self.add(site, "", [input, output], shift, false);
        site.keep("input", input);
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let gradient = site.gradient();
        if site.trains() {
            let input = site.kept("input")?;
            let of_scale = "scale gradient";
            add_channel_gradient(site, of_scale, self.scale, input, gradient, channel_sums::PRODUCT)?;
            let of_shift = "shift gradient";
            add_channel_gradient(
                site,
                of_shift,
                self.shift,
                gradient,
                gradient,
                channel_sums::GRADIENT,
            )?;
        }
        if let Some((output, accumulate)) = site.begin_gradient(0)? {
            self.add(
                site,
                "adjoint",
                [gradient, output],
                |_| Origin::Fixed(0.0),
                accumulate,
            );
        }
        Ok(())
    }
}

impl Affine {
    fn add(
        &self,
        site: &mut dyn Site,
        part: &str,
        [input, output]: [Place; 2],
        shift: impl Fn(usize) -> Origin,
        accumulate: bool,
    ) {
        let pairs = (0..output.shape.c).flat_map(|c| [Origin::Parameter(self.scale, c), shift(c)]);
        let coefficients = site.coefficients("coefficients", part, pairs.collect());
        let params = affine::Params {
            input: input.view,
            output: output.view,
            extent: output.shape.into(),
            accumulate: accumulate.into(),
        };
        let buffers = [input.buffer, coefficients, output.buffer].map(Some);
        site.add(part, params.into(), buffers.into());
    }
}
