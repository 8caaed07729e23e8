//! Convolution.

use super::convolution::{Convolution, reach};
use super::margins::Margins;
use super::operator::{
    MOST_SETTING, Misfit, Operator, Site, check_settings, first, missing, per_channel, windows,
};
use crate::error::Result;
use crate::graph::parameter::{Parameter, ParameterId};
use crate::tensor::Shape;

/// Convolution with zeros around the input.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Conv2d {
    /// `[out, in / groups, rows, columns]`.
    pub weight: ParameterId,
    /// `[out]`.
    pub bias: Option<ParameterId>,
    /// Rows and columns between windows.
    pub stride: [usize; 2],
    /// Rows and columns of zeros around the input.
    pub padding: Margins,
    /// Rows and columns from one tap of the kernel to the next; 1 for taps side by side.
    pub dilation: [usize; 2],
    /// Groups of channels, each of which is convolved by itself: channels in and out are multiples of it.
    pub groups: usize,
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
        check_settings("padding", &self.padding.sides(), 0..=MOST_SETTING)?;
        check_settings("dilation", &self.dilation, 1..=MOST_SETTING)?;
        check_settings("number of groups", &[self.groups], 1..=usize::MAX)
    }

    fn shape(&self, inputs: &[Shape], parameters: &[Parameter]) -> Result<Shape, Misfit> {
        let input = first(inputs)?;
        let Some(&[out, channels, rows, columns]) =
            parameters.get(self.weight.0).map(|weight| &weight.shape[..])
        else {
            return Err(Misfit::Other("has no weight of four dimensions".into()));
        };
        check_channels(channels, self.groups, input)?;
        check_groups(out, self.groups)?;
        if let Some(bias) = self.bias {
            per_channel(parameters, bias, out)?;
        }
        check_settings("kernel", &[rows, columns], 1..=MOST_SETTING).map_err(Misfit::Other)?;
        let margin = self.padding.together();
        let [rows, columns] = reach([rows, columns], self.dilation);
        Ok(Shape {
            c: out,
            h: windows(input.h, margin[0], rows, self.stride[0])?,
            w: windows(input.w, margin[1], columns, self.stride[1])?,
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
        let &[out_channels, of_group, rows, columns] = &site.parameter(self.weight)?.shape[..] else {
            return Err(missing("a convolution's weight has not four dimensions"));
        };
        Ok(Convolution {
            transposed: false,
            weight: self.weight,
            bias: self.bias,
            in_channels: of_group * self.groups,
            out_channels,
            kernel: [rows, columns],
            stride: self.stride,
            padding: self.padding.before(),
            dilation: self.dilation,
            groups: self.groups,
        })
    }
}

/// Checks that there are weights for the input's channels, `of_group` of each group.
pub(super) fn check_channels(of_group: usize, groups: usize, input: Shape) -> Result<(), Misfit> {
    match of_group.checked_mul(groups) {
        Some(weights) if weights == input.c => Ok(()),
        _ if groups == 1 => Err(Misfit::Other(format!(
            "has weights for {of_group} input channels, but is given {}",
            input.c
        ))),
        _ => Err(Misfit::Other(format!(
            "has weights for {groups} groups of {of_group} input channels, but is given {}",
            input.c
        ))),
    }
}

/// Checks that so many channels can be parted into groups.
pub(super) fn check_groups(channels: usize, groups: usize) -> Result<(), Misfit> {
    match channels.is_multiple_of(groups) {
        true => Ok(()),
        false => Err(Misfit::Other(format!(
            "has weights for {channels} channels, which cannot be parted into {groups} groups"
        ))),
    }
}
