//! Resampling and its adjoint.

use super::operator::{MOST_SETTING, Misfit, Operator, Site, check_settings, first, first_two};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::{upsample, upsample_adjoint};
use crate::tensor::Shape;

/// How values between pixels are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resampling {
    /// The nearest source pixel.
    Nearest,
    /// Between the four nearest, pixels as areas.
    Bilinear,
    /// Between the four nearest, corner pixels on corner pixels.
    BilinearAligned,
}

/// To which size a tensor is resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpsampleSize {
    /// This many times the rows and columns.
    Factor(usize),
    /// Rows and columns of the second input.
    Like,
}

/// Resampling; reads a second node if the size is [`UpsampleSize::Like`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Upsample {
    /// How.
    pub mode: Resampling,
    /// To which size.
    pub size: UpsampleSize,
}

impl Operator for Upsample {
    fn kind(&self) -> &'static str {
        "upsample"
    }

    fn inputs(&self) -> std::ops::RangeInclusive<usize> {
        match self.size {
            UpsampleSize::Factor(_) => 1..=1,
            UpsampleSize::Like => 2..=2,
        }
    }

    fn check(&self) -> Result<(), String> {
        match self.size {
            UpsampleSize::Factor(factor) => check_settings("factor", &[factor], 1..=MOST_SETTING),
            UpsampleSize::Like => Ok(()),
        }
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let input = first(inputs)?;
        let (h, w) = match self.size {
            UpsampleSize::Factor(factor) => (input.h * factor, input.w * factor),
            UpsampleSize::Like => {
                let [_, like] = first_two(inputs)?;
                (like.h, like.w)
            }
        };
        Ok(Shape { h, w, ..input })
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        let params = upsample::Params {
            input: input.view,
            output: output.view,
            input_extent: input.shape.into(),
            output_extent: output.shape.into(),
            mode: self.mode(),
        };
        site.add("", params.into(), vec![Some(input.buffer), Some(output.buffer)]);
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let gradient = site.gradient();
        let Some((output, accumulate)) = site.begin_gradient(0)? else {
            return Ok(());
        };
        let params = upsample_adjoint::Params {
            gradient: gradient.view,
            output: output.view,
            input_extent: output.shape.into(),
            output_extent: gradient.shape.into(),
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

impl Upsample {
    fn mode(&self) -> u32 {
        match self.mode {
            Resampling::Nearest => upsample::NEAREST,
            Resampling::Bilinear => upsample::BILINEAR,
            Resampling::BilinearAligned => upsample::BILINEAR_ALIGNED,
        }
    }
}
