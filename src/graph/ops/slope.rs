//! Slope activation: ReLU, LeakyReLU, PReLU.

use super::operator::{Misfit, Operator, Site, add_channel_gradient, first, per_channel};
use crate::error::Result;
use crate::graph::parameter::{Origin, Parameter, ParameterId};
use crate::kernels::{channel_sums, slope, slope_adjoint};
use crate::tensor::Shape;

/// The slope of an activation below 0.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Slopes {
    /// The same for all channels: 0 is ReLU.
    Same(f32),
    /// Learnt: one number, or one per channel (PReLU).
    Learnt(ParameterId),
}

/// ReLU, LeakyReLU, PReLU.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Slope {
    /// Slope below 0.
    pub slopes: Slopes,
}

impl Operator for Slope {
    fn kind(&self) -> &'static str {
        "slope"
    }

    fn parameters(&self) -> Vec<(ParameterId, usize)> {
        match self.slopes {
            Slopes::Same(_) => Vec::new(),
            Slopes::Learnt(slopes) => vec![(slopes, 1)],
        }
    }

    fn check(&self) -> Result<(), String> {
        match self.slopes {
            Slopes::Same(slope) if !slope.is_finite() => {
                Err(format!("has a slope of {slope}; want a finite number"))
            }
            _ => Ok(()),
        }
    }

    fn shape(&self, inputs: &[Shape], parameters: &[Parameter]) -> Result<Shape, Misfit> {
        let input = first(inputs)?;
        if let Slopes::Learnt(slopes) = self.slopes
            && parameters
                .get(slopes.0)
                .is_none_or(|parameter| parameter.data.len() != 1)
        {
            per_channel(parameters, slopes, input.c)?;
        }
        Ok(input)
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        let origins = self.origins(site, output.shape.c)?;
        let slopes = site.coefficients("slopes", "", origins);
        let params = slope::Params {
            input: input.view,
            output: output.view,
            extent: output.shape.into(),
        };
        site.add(
            "",
            params.into(),
            [input.buffer, slopes, output.buffer].map(Some).into(),
        );
        // Where no slope is negative the output has the input's sign, so that the input need not be kept.
        let signs = if self.keep_the_sign(site)? { output } else { input };
        site.keep("signs", signs);
        site.keep("input", input);
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let (signs, gradient) = (site.kept("signs")?, site.gradient());
        if let Slopes::Learnt(slopes) = self.slopes
            && site.trains()
        {
            let (input, mode) = (site.kept("input")?, channel_sums::NEGATIVE_PRODUCT);
            add_channel_gradient(site, "slope gradient", slopes, input, gradient, mode)?;
        }
        let Some((output, accumulate)) = site.begin_gradient(0)? else {
            return Ok(());
        };
        let origins = self.origins(site, output.shape.c)?;
        let slopes = site.coefficients("slopes", "adjoint", origins);
        let params = slope_adjoint::Params {
            reference: signs.view,
            gradient: gradient.view,
            output: output.view,
            extent: output.shape.into(),
            in_place: 0,
            accumulate: accumulate.into(),
        };
        let buffers = [signs.buffer, slopes, gradient.buffer, output.buffer].map(Some);
        site.add("adjoint", params.into(), buffers.into());
        Ok(())
    }
}

impl Slope {
    /// One slope for each of `channels` channels.
    fn origins(&self, site: &dyn Site, channels: usize) -> Result<Vec<Origin>> {
        Ok(match self.slopes {
            Slopes::Same(slope) => vec![Origin::Fixed(slope); channels],
            Slopes::Learnt(id) if site.parameter(id)?.data.len() == 1 => {
                vec![Origin::Parameter(id, 0); channels]
            }
            Slopes::Learnt(id) => (0..channels)
                .map(|channel| Origin::Parameter(id, channel))
                .collect(),
        })
    }

    /// Whether no value changes its sign, now or when the slopes are trained.
    fn keep_the_sign(&self, site: &dyn Site) -> Result<bool> {
        Ok(match self.slopes {
            Slopes::Same(slope) => slope >= 0.0,
            Slopes::Learnt(id) => {
                !site.trains() && site.parameter(id)?.data.iter().all(|&slope| slope >= 0.0)
            }
        })
    }
}
