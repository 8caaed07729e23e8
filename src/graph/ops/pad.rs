//! A border and its adjoint.

use super::margins::Margins;
use super::operator::{MOST_SETTING, Misfit, Operator, Site, check_settings, first, first_two};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::{pad, pad_adjoint};
use crate::tensor::Shape;

/// What a border consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PadMode {
    /// Zeros.
    Zero,
    /// The nearest pixel.
    Replicate,
}

/// How wide a border is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PadMargins {
    /// This wide.
    Fixed(Margins),
    /// Up to the second input's size, the same on both sides, an odd row or column below and right.
    LikeCentred,
    /// Up to the second input's size, all below and right.
    LikeBottomRight,
}

/// A border; reads a second node if its width follows from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pad {
    /// Of what.
    pub mode: PadMode,
    /// How wide.
    pub margins: PadMargins,
}

impl Operator for Pad {
    fn kind(&self) -> &'static str {
        "pad"
    }

    fn inputs(&self) -> std::ops::RangeInclusive<usize> {
        match self.margins {
            PadMargins::Fixed(_) => 1..=1,
            PadMargins::LikeCentred | PadMargins::LikeBottomRight => 2..=2,
        }
    }

    fn check(&self) -> Result<(), String> {
        match self.margins {
            PadMargins::Fixed(margins) => check_settings("margin", &margins.sides(), 0..=MOST_SETTING),
            PadMargins::LikeCentred | PadMargins::LikeBottomRight => Ok(()),
        }
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let input = first(inputs)?;
        let (h, w) = match self.margins {
            PadMargins::Fixed(margins) => {
                let [rows, columns] = margins.together();
                (input.h + rows, input.w + columns)
            }
            PadMargins::LikeCentred | PadMargins::LikeBottomRight => {
                let [_, like] = first_two(inputs)?;
                if like.h < input.h || like.w < input.w {
                    return Err(Misfit::Other(format!("would pad {input} to the smaller {like}")));
                }
                (like.h, like.w)
            }
        };
        Ok(Shape { h, w, ..input })
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        let [top, left, mode] = self.border(input.shape, output.shape);
        let params = pad::Params {
            input: input.view,
            output: output.view,
            input_extent: input.shape.into(),
            output_extent: output.shape.into(),
            top,
            left,
            mode,
        };
        site.add("", params.into(), vec![Some(input.buffer), Some(output.buffer)]);
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let gradient = site.gradient();
        let Some((output, accumulate)) = site.begin_gradient(0)? else {
            return Ok(());
        };
        let [top, left, mode] = self.border(output.shape, gradient.shape);
        let params = pad_adjoint::Params {
            gradient: gradient.view,
            output: output.view,
            input_extent: output.shape.into(),
            output_extent: gradient.shape.into(),
            top,
            left,
            mode,
            accumulate: accumulate.into(),
        };
        site.add(
            "adjoint",
            params.into(),
            vec![Some(gradient.buffer), Some(output.buffer)],
        );
        Ok(())
    }
}

impl Pad {
    /// Rows above, columns left, mode.
    fn border(&self, input: Shape, output: Shape) -> [u32; 3] {
        let [top, left] = match self.margins {
            PadMargins::Fixed(margins) => margins.before(),
            PadMargins::LikeCentred => [(output.h - input.h) / 2, (output.w - input.w) / 2],
            PadMargins::LikeBottomRight => [0, 0],
        };
        let mode = match self.mode {
            PadMode::Zero => pad::ZERO,
            PadMode::Replicate => pad::REPLICATE,
        };
        [top as u32, left as u32, mode]
    }
}
