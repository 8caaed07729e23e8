//! Resampling to another size, and its adjoint.

use super::operator::{MOST_SETTING, Misfit, Operator, Site, check_settings, first, first_two};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::{resize, resize_adjoint};
use crate::program::BufferId;
use crate::tensor::Shape;

/// How values between pixels are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Resampling {
    /// The pixel at the coordinate, rounded.
    Nearest(Coordinates, Rounding),
    /// Between the four pixels around the coordinate; beyond the outermost ones their values go on.
    Linear(Coordinates),
}

impl Resampling {
    /// As PyTorch's `interpolate` has it in the mode `nearest`.
    pub const NEAREST: Resampling = Resampling::Nearest(Coordinates::Asymmetric, Rounding::Floor);
    /// As PyTorch's `interpolate` has it in the mode `bilinear`: pixels are areas.
    pub const BILINEAR: Resampling = Resampling::Linear(Coordinates::HalfPixel);
    /// The same with `align_corners`: corner pixels lie on corner pixels.
    pub const BILINEAR_ALIGNED: Resampling = Resampling::Linear(Coordinates::AlignCorners);
}

/// Which coordinate of the input an output pixel `i` takes its value from, where pixels of the output are a `step` apart in
/// the input; as ONNX's `Resize` calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Coordinates {
    /// `(i + ½) · step − ½`.
    HalfPixel,
    /// The same, but 0 for an output of one pixel.
    PytorchHalfPixel,
    /// `i · (inputs − 1) / (outputs − 1)`; 0 for an output of one pixel.
    AlignCorners,
    /// `i · step`.
    Asymmetric,
}

/// Which of two neighbours a coordinate between them is rounded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Rounding {
    /// The lower one.
    Floor,
    /// The higher one.
    Ceil,
    /// The nearer one; the lower one half-way.
    PreferFloor,
    /// The nearer one; the higher one half-way.
    PreferCeil,
}

/// To which size a tensor is resampled.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum ResizeSize {
    /// This many times the rows and columns.
    Factor(usize),
    /// Rows and columns of the second input.
    Like,
    /// These rows and columns.
    Exactly([usize; 2]),
    /// This many times the rows and the columns, rounded down. Output pixels are one by this number apart, also where that
    /// leaves a rest; with the other sizes, as far as the sizes say.
    Scale([f32; 2]),
}

/// Resampling; reads a second node if the size is [`ResizeSize::Like`].
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Resize {
    /// How.
    pub mode: Resampling,
    /// To which size.
    pub size: ResizeSize,
}

impl Operator for Resize {
    fn kind(&self) -> &'static str {
        "resize"
    }

    fn inputs(&self) -> std::ops::RangeInclusive<usize> {
        match self.size {
            ResizeSize::Like => 2..=2,
            _ => 1..=1,
        }
    }

    fn check(&self) -> Result<(), String> {
        match self.size {
            ResizeSize::Factor(factor) => check_settings("factor", &[factor], 1..=MOST_SETTING),
            ResizeSize::Like => Ok(()),
            ResizeSize::Exactly(size) => check_settings("size", &size, 1..=u32::MAX as usize),
            ResizeSize::Scale(scales) => {
                let most = MOST_SETTING as f32;
                match scales.iter().find(|scale| !(**scale > 0.0 && **scale <= most)) {
                    Some(scale) => Err(format!("has a scale of {scale}; want one above 0, to {most}")),
                    None => Ok(()),
                }
            }
        }
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let input = first(inputs)?;
        let (h, w) = match self.size {
            ResizeSize::Factor(factor) => (input.h * factor, input.w * factor),
            ResizeSize::Like => {
                let [_, like] = first_two(inputs)?;
                (like.h, like.w)
            }
            ResizeSize::Exactly([h, w]) => (h, w),
            // In 32 bits, as those who write the scale compute the size.
            ResizeSize::Scale([rows, columns]) => {
                let scaled = |size: usize, scale: f32| (size as f32 * scale).floor() as usize;
                (scaled(input.h, rows), scaled(input.w, columns))
            }
        };
        Ok(Shape { h, w, ..input })
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        let axes = self.axes(input.shape, output.shape);
        let sources = self.add_sources(site, "", axes);
        let params = resize::Params {
            input: input.view,
            output: output.view,
            input_extent: input.shape.into(),
            output_extent: output.shape.into(),
        };
        let buffers = [input.buffer, sources, output.buffer].map(Some);
        site.add("", params.into(), buffers.into());
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let gradient = site.gradient();
        let Some((output, accumulate)) = site.begin_gradient(0)? else {
            return Ok(());
        };
        let axes = self.axes(output.shape, gradient.shape);
        let sources = self.add_sources(site, "adjoint", axes);
        let uses = axes.iter().flat_map(|axis| axis.uses(self.mode));
        let uses = uses.flat_map(|(first, end)| [first as f32, end as f32]).collect();
        let uses = site.constant("places", "adjoint", uses);
        let params = resize_adjoint::Params {
            gradient: gradient.view,
            output: output.view,
            input_extent: output.shape.into(),
            output_extent: gradient.shape.into(),
            accumulate: accumulate.into(),
        };
        let buffers = [gradient.buffer, sources, uses, output.buffer].map(Some);
        site.add("adjoint", params.into(), buffers.into());
        Ok(())
    }
}

impl Resize {
    /// Rows and columns.
    fn axes(&self, input: Shape, output: Shape) -> [Axis; 2] {
        let scales = match self.size {
            ResizeSize::Scale(scales) => scales.map(Some),
            _ => [None; 2],
        };
        let axis = |inputs, outputs, scale| Axis {
            inputs,
            outputs,
            scale,
        };
        [
            axis(input.h, output.h, scales[0]),
            axis(input.w, output.w, scales[1]),
        ]
    }

    /// The table of which places each output row and column is mixed from.
    fn add_sources(&self, site: &mut dyn Site, part: &str, axes: [Axis; 2]) -> BufferId {
        let sources = axes
            .iter()
            .flat_map(|axis| (0..axis.outputs).map(|i| axis.source(self.mode, i)));
        let sources = sources.flat_map(|(place, weight)| [place as f32, weight]);
        site.constant("sources", part, sources.collect())
    }
}

/// Rows or columns that are resampled.
#[derive(Clone, Copy, Debug)]
struct Axis {
    inputs: usize,
    outputs: usize,
    /// Outputs for each input, where it was said and not how many they are.
    scale: Option<f32>,
}

impl Axis {
    /// The coordinate in the input of place `i` of the output.
    fn coordinate(&self, coordinates: Coordinates, i: usize) -> f64 {
        let (i, inputs, outputs) = (i as f64, self.inputs as f64, self.outputs as f64);
        // Of a fraction only the quotient is rounded, so that whole numbers are exact.
        let stepped = |i: f64| match self.scale {
            Some(scale) => i / f64::from(scale),
            None => i * inputs / outputs,
        };
        let half_pixel = match self.scale {
            Some(_) => stepped(i + 0.5) - 0.5,
            None => ((2.0 * i + 1.0) * inputs - outputs) / (2.0 * outputs),
        };
        match coordinates {
            Coordinates::HalfPixel => half_pixel,
            Coordinates::Asymmetric => stepped(i),
            Coordinates::PytorchHalfPixel | Coordinates::AlignCorners if self.outputs == 1 => 0.0,
            Coordinates::PytorchHalfPixel => half_pixel,
            Coordinates::AlignCorners => i * (inputs - 1.0) / (outputs - 1.0),
        }
    }

    /// The lower of the two input places that place `i` of the output is mixed from, and the weight of the one after it.
    fn source(&self, mode: Resampling, i: usize) -> (usize, f32) {
        let last = (self.inputs - 1) as f64;
        match mode {
            Resampling::Nearest(coordinates, rounding) => {
                let coordinate = self.coordinate(coordinates, i);
                let place = match rounding {
                    Rounding::Floor => coordinate.floor(),
                    Rounding::Ceil => coordinate.ceil(),
                    Rounding::PreferFloor => (coordinate - 0.5).ceil(),
                    Rounding::PreferCeil => (coordinate + 0.5).floor(),
                };
                (place.clamp(0.0, last) as usize, 0.0)
            }
            Resampling::Linear(coordinates) => {
                let coordinate = self.coordinate(coordinates, i).clamp(0.0, last);
                (coordinate as usize, coordinate.fract() as f32)
            }
        }
    }

    /// For each input place, the first output place that it goes into and the one after the last. Coordinates rise with
    /// their places, so that it goes into nearly all between.
    fn uses(&self, mode: Resampling) -> Vec<(usize, usize)> {
        let mut uses = vec![(0, 0); self.inputs];
        for i in 0..self.outputs {
            let (place, weight) = self.source(mode, i);
            let last = if weight > 0.0 { place + 1 } else { place };
            for (first, end) in uses[place..].iter_mut().take(last + 1 - place) {
                if *end == 0 {
                    *first = i;
                }
                *end = i + 1;
            }
        }
        uses
    }
}
