//! Transposed convolution.

use super::conv2d::check_channels;
use super::convolution::Convolution;
use super::operator::{MOST_SETTING, Misfit, Operator, Site, check_settings, first, missing, per_channel};
use crate::error::Result;
use crate::graph::parameter::{Parameter, ParameterId};
use crate::kernels::conv_transpose2d::MOST_STRIDE;
use crate::tensor::Shape;

/// Transposed convolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConvTranspose2d {
    /// `[in, out, rows, columns]`.
    pub weight: ParameterId,
    /// `[out]`.
    pub bias: Option<ParameterId>,
    /// Rows and columns between the windows that input pixels write to.
    pub stride: [usize; 2],
    /// Rows and columns cut off at each side.
    pub padding: [usize; 2],
    /// Rows and columns more at the bottom and right.
    pub output_padding: [usize; 2],
}

impl Operator for ConvTranspose2d {
    fn kind(&self) -> &'static str {
        "conv_transpose2d"
    }

    fn parameters(&self) -> Vec<(ParameterId, usize)> {
        let bias = self.bias.map(|bias| (bias, 1));
        std::iter::once((self.weight, 4)).chain(bias).collect()
    }

    fn check(&self) -> Result<(), String> {
        check_settings("stride", &self.stride, 1..=MOST_STRIDE as usize)?;
        check_settings("padding", &self.padding, 0..=MOST_SETTING)?;
        check_settings("output padding", &self.output_padding, 0..=MOST_SETTING)
    }

    fn shape(&self, inputs: &[Shape], parameters: &[Parameter]) -> Result<Shape, Misfit> {
        let input = first(inputs)?;
        let Some(&[channels, out, rows, columns]) =
            parameters.get(self.weight.0).map(|weight| &weight.shape[..])
        else {
            return Err(Misfit::Other("has no weight of four dimensions".into()));
        };
        check_channels(channels, input)?;
        if let Some(bias) = self.bias {
            per_channel(parameters, bias, out)?;
        }
        check_settings("kernel", &[rows, columns], 1..=MOST_SETTING).map_err(Misfit::Other)?;
        let size = |size: usize, kernel: usize, axis: usize| {
            let full = (size - 1) * self.stride[axis] + kernel + self.output_padding[axis];
            full.checked_sub(2 * self.padding[axis]).ok_or(Misfit::TooSmall)
        };
        Ok(Shape {
            c: out,
            h: size(input.h, rows, 0)?,
            w: size(input.w, columns, 1)?,
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

impl ConvTranspose2d {
    fn convolution(&self, site: &dyn Site) -> Result<Convolution> {
        let &[in_channels, out_channels, rows, columns] = &site.parameter(self.weight)?.shape[..] else {
            return Err(missing(
                "a transposed convolution's weight has not four dimensions",
            ));
        };
        Ok(Convolution {
            transposed: true,
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
