//! Transposed convolution.

use super::conv2d::{check_channels, check_groups};
use super::convolution::{Convolution, reach};
use super::margins::Margins;
use super::operator::{MOST_SETTING, Misfit, Operator, Site, check_settings, first, missing, per_channel};
use crate::error::Result;
use crate::graph::parameter::{Parameter, ParameterId};
use crate::kernels::conv_transpose2d::MOST_STRIDE;
use crate::tensor::Shape;

/// Transposed convolution.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ConvTranspose2d {
    /// `[in, out / groups, rows, columns]`.
    pub weight: ParameterId,
    /// `[out]`.
    pub bias: Option<ParameterId>,
    /// Rows and columns between the windows that input pixels write to.
    pub stride: [usize; 2],
    /// Rows and columns cut off at the sides.
    pub padding: Margins,
    /// Rows and columns more at the bottom and right.
    pub output_padding: [usize; 2],
    /// Rows and columns from one tap of the kernel to the next; 1 for taps side by side.
    pub dilation: [usize; 2],
    /// Groups of channels, each of which is convolved by itself: channels in and out are multiples of it.
    pub groups: usize,
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
        check_settings("padding", &self.padding.sides(), 0..=MOST_SETTING)?;
        check_settings("output padding", &self.output_padding, 0..=MOST_SETTING)?;
        check_settings("dilation", &self.dilation, 1..=MOST_SETTING)?;
        check_settings("number of groups", &[self.groups], 1..=usize::MAX)
    }

    fn shape(&self, inputs: &[Shape], parameters: &[Parameter]) -> Result<Shape, Misfit> {
        let input = first(inputs)?;
        let Some(&[channels, of_group, rows, columns]) =
            parameters.get(self.weight.0).map(|weight| &weight.shape[..])
        else {
            return Err(Misfit::Other("has no weight of four dimensions".into()));
        };
        check_channels(channels, 1, input)?;
        check_groups(channels, self.groups)?;
        let Some(out) = of_group.checked_mul(self.groups) else {
            return Err(Misfit::Other(format!(
                "has weights for {} groups of {of_group} output channels, more than can be counted",
                self.groups
            )));
        };
        if let Some(bias) = self.bias {
            per_channel(parameters, bias, out)?;
        }
        check_settings("kernel", &[rows, columns], 1..=MOST_SETTING).map_err(Misfit::Other)?;
        let margin = self.padding.together();
        let [rows, columns] = reach([rows, columns], self.dilation);
        let size = |size: usize, length: usize, axis: usize| {
            let full = (size - 1) * self.stride[axis] + length + self.output_padding[axis];
            full.checked_sub(margin[axis]).ok_or(Misfit::TooSmall)
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
        let &[in_channels, of_group, rows, columns] = &site.parameter(self.weight)?.shape[..] else {
            return Err(missing(
                "a transposed convolution's weight has not four dimensions",
            ));
        };
        Ok(Convolution {
            transposed: true,
            weight: self.weight,
            bias: self.bias,
            in_channels,
            out_channels: of_group * self.groups,
            kernel: [rows, columns],
            stride: self.stride,
            padding: self.padding.before(),
            dilation: self.dilation,
            groups: self.groups,
        })
    }
}
