//! Convolution.

use super::convolution::Convolution;
use super::operator::{
    MOST_SETTING, Misfit, Operator, Site, check_settings, first, missing, per_channel, windows,
};
use crate::error::Result;
use crate::graph::parameter::{Parameter, ParameterId};
use crate::tensor::Shape;

/// Convolution with zeros around the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conv2d {
    /// `[out, in, rows, columns]`.
    pub weight: ParameterId,
    /// `[out]`.
    pub bias: Option<ParameterId>,
    /// Rows and columns between windows.
    pub stride: [usize; 2],
    /// Rows of zeros above and below, columns left and right.
    pub padding: [usize; 2],
}

impl Operator for Conv2d {
    fn kind(&self) -> &'static str {
        "conv2d"
    }

    fn parameters(&self) -> Vec<(ParameterId, usize)> {
        let bias = self.bias.map(|bias| (bias, 1));
        std::iter::once((self.weight, 4)).chain(bias).collect()
    }

    fn check(&self) -> Result<(), String> {
        check_settings("stride", &self.stride, 1..=MOST_SETTING)?;
        check_settings("padding", &self.padding, 0..=MOST_SETTING)
    }

    fn shape(&self, inputs: &[Shape], parameters: &[Parameter]) -> Result<Shape, Misfit> {
        let input = first(inputs)?;
        let Some(&[out, channels, rows, columns]) =
            parameters.get(self.weight.0).map(|weight| &weight.shape[..])
        else {
            return Err(Misfit::Other("has no weight of four dimensions".into()));
        };
        check_channels(channels, input)?;
        if let Some(bias) = self.bias {
            per_channel(parameters, bias, out)?;
        }
        check_settings("kernel", &[rows, columns], 1..=MOST_SETTING).map_err(Misfit::Other)?;
        Ok(Shape {
            c: out,
            h: windows(input.h, rows, self.stride[0], self.padding[0])?,
            w: windows(input.w, columns, self.stride[1], self.padding[1])?,
            ..input
        })
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        self.convolution(site)?.forward(site)
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        self.convolution(site)?.adjoint(site)
    }
}

impl Conv2d {
    fn convolution(&self, site: &dyn Site) -> Result<Convolution> {
        let &[out_channels, in_channels, rows, columns] = &site.parameter(self.weight)?.shape[..] else {
            return Err(missing("a convolution's weight has not four dimensions"));
        };
        Ok(Convolution {
            transposed: false,
            weight: self.weight,
            bias: self.bias,
            in_channels,
            out_channels,
            kernel: [rows, columns],
            stride: self.stride,
            padding: self.padding,
        })
    }
}

/// Checks that there are weights for the input's channels.
pub(super) fn check_channels(weights: usize, input: Shape) -> Result<(), Misfit> {
    match weights == input.c {
        true => Ok(()),
        false => Err(Misfit::Other(format!(
            "has weights for {weights} input channels, but is given {}",
            input.c
        ))),
    }
}
