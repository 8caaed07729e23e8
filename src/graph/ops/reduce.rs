//! Mean, sum or largest over axes, and its adjoint.

use super::operator::{Misfit, Operator, Site, first};
use super::reduction::{Terms, add_reduction};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::{largest_position, reduce, spread};
use crate::tensor::Shape;

/// What becomes of the numbers along some axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Reduction {
    /// Their mean.
    Mean,
    /// The largest. The first of several equal ones has the gradient.
    Max,
    /// Their sum.
    Sum,
}

/// Mean, sum or largest over axes, each of which is left with a size of 1.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Reduce {
    /// Which of them.
    pub function: Reduction,
    /// Whether over samples, channels, rows, columns.
    pub axes: [bool; 4],
}

impl Reduce {
    fn reduced(&self, shape: Shape) -> Shape {
        let [n, c, h, w] = self.axes;
        let size = |reduced: bool, size: usize| if reduced { 1 } else { size };
        Shape {
            n: size(n, shape.n),
            c: size(c, shape.c),
            h: size(h, shape.h),
            w: size(w, shape.w),
        }
    }

    /// What sums are multiplied by.
    fn scale(&self, input: Shape) -> f32 {
        match self.function {
            Reduction::Mean => self.reduced(input).elements() as f32 / input.elements() as f32,
            Reduction::Max | Reduction::Sum => 1.0,
        }
    }
}

impl Operator for Reduce {
    fn kind(&self) -> &'static str {
        match self.function {
            Reduction::Mean => "mean",
            Reduction::Max => "max",
            Reduction::Sum => "sum",
        }
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        Ok(self.reduced(first(inputs)?))
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        let function = match self.function {
            Reduction::Max => reduce::LARGEST,
            Reduction::Mean | Reduction::Sum => reduce::SUM,
        };
        let scale = self.scale(input.shape);
        add_reduction(site, "", Terms::plain(input), function, output, scale, false);
        site.keep("input", input);
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let (input, gradient) = (site.kept("input")?, site.gradient());
        let Some((output, accumulate)) = site.begin_gradient(0)? else {
            return Ok(());
        };
        let positions = (self.function == Reduction::Max).then(|| {
            let positions = site.partial_sums("positions", 1, gradient.shape.elements());
            let params = largest_position::Params {
                input: input.view,
                extent: input.shape.into(),
                blocks: gradient.shape.into(),
            };
            site.add(
                "positions",
                params.into(),
                vec![Some(input.buffer), Some(positions)],
            );
            positions
        });
        let params = spread::Params {
            input: gradient.view,
            output: output.view,
            input_extent: gradient.shape.into(),
            extent: output.shape.into(),
            scale: self.scale(input.shape),
            chosen: positions.is_some().into(),
            accumulate: accumulate.into(),
        };
        let buffers = vec![Some(gradient.buffer), positions, Some(output.buffer)];
        site.add("adjoint", params.into(), buffers);
        Ok(())
    }
}
