//! A border and its adjoint.

use super::margins::Margins;
use super::operator::{MOST_SETTING, Misfit, Operator, Site, check_settings, first, first_two, pair};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::{pad, pad_adjoint};
use crate::tensor::Shape;

/// What a border consists of.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum PadMode {
    /// One value.
    Constant(f32),
    /// The nearest pixel.
    Replicate,
    /// The pixels inside, mirrored at the outermost ones, which are not repeated; there must be more of them than the border
    /// is wide.
    Reflect,
}

impl PadMode {
    /// Zeros.
    pub const ZERO: PadMode = PadMode::Constant(0.0);
}

/// How wide a border is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum PadMargins {
    /// This wide.
    Fixed(Margins),
    /// Up to the second input's size, the same on both sides, an odd row or column below and right.
    LikeCentred,
    /// Up to the second input's size, all below and right.
    LikeBottomRight,
}

/// A border; reads a second node if its width follows from it.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
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
        if let PadMode::Constant(value) = self.mode
            && !value.is_finite()
        {
            return Err(format!("has a border of {value}; want a finite number"));
        }
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
        let output = Shape { h, w, ..input };
        let [top, left] = self.before(input, output);
        let widest = |size: usize, before: usize, whole: usize| before.max(whole - before - size);
        let borders = [(input.h, top, h), (input.w, left, w)];
        let too_wide = |(size, before, whole)| widest(size, before, whole) >= size;
        if self.mode == PadMode::Reflect && borders.into_iter().any(too_wide) {
            return Err(Misfit::Other(format!(
                "mirrors {}×{} pixels (rows × columns) into a border that makes {h}×{w} of them; it must be narrower than \
                 they are",
                input.h, input.w
            )));
        }
        Ok(output)
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        let [top, left] = pair(self.before(input.shape, output.shape));
        let params = pad::Params {
            input: input.view,
            output: output.view,
            input_extent: input.shape.into(),
            output_extent: output.shape.into(),
            top,
            left,
            mode: self.mode(),
            value: match self.mode {
                PadMode::Constant(value) => value,
                PadMode::Replicate | PadMode::Reflect => 0.0,
            },
        };
        site.add("", params.into(), vec![Some(input.buffer), Some(output.buffer)]);
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let gradient = site.gradient();
        let Some((output, accumulate)) = site.begin_gradient(0)? else {
            return Ok(());
        };
        let [top, left] = pair(self.before(output.shape, gradient.shape));
        let params = pad_adjoint::Params {
            gradient: gradient.view,
            output: output.view,
            input_extent: output.shape.into(),
            output_extent: gradient.shape.into(),
            top,
            left,
            mode: self.mode(),
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
    /// Rows above, columns left.
    fn before(&self, input: Shape, output: Shape) -> [usize; 2] {
        match self.margins {
            PadMargins::Fixed(margins) => margins.before(),
            PadMargins::LikeCentred => [(output.h - input.h) / 2, (output.w - input.w) / 2],
            PadMargins::LikeBottomRight => [0, 0],
        }
    }

    fn mode(&self) -> u32 {
        match self.mode {
            PadMode::Constant(_) => pad::CONSTANT,
            PadMode::Replicate => pad::REPLICATE,
            PadMode::Reflect => pad::REFLECT,
        }
    }
}
