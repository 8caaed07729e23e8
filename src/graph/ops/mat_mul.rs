//! Product of two nodes as matrices, and its adjoint: two products.

use super::operator::{Misfit, Operator, Site, first_two};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::mat_mul;
use crate::program::Place;
use crate::tensor::Shape;

/// The product of the matrices that rows and columns of two nodes are, for each sample and channel. Where one has one
/// sample or channel, it is used for all of the other's.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct MatMul {
    /// Whether the left node, and the right one, are transposed first.
    pub transposed: [bool; 2],
}

impl Operator for MatMul {
    fn kind(&self) -> &'static str {
        "matmul"
    }

    fn inputs(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let [left, right] = first_two(inputs)?;
        let matrix = |shape: Shape, transposed: bool| match transposed {
            false => [shape.h, shape.w],
            true => [shape.w, shape.h],
        };
        let ([rows, depth], [terms, columns]) = (
            matrix(left, self.transposed[0]),
            matrix(right, self.transposed[1]),
        );
        if depth != terms {
            return Err(Misfit::Other(format!(
                "multiplies matrices of {rows}×{depth} and {terms}×{columns}"
            )));
        }
        let both = |left: usize, right: usize| match left == right || left.min(right) == 1 {
            true => Ok(left.max(right)),
            false => Err(Misfit::Other(format!(
                "multiplies the matrices of {left} and {right} samples or channels; want as many, or 1"
            ))),
        };
        Ok(Shape::new(
            both(left.n, right.n)?,
            both(left.c, right.c)?,
            rows,
            columns,
        ))
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (left, right, output) = (site.input(0)?, site.input(1)?, site.output());
        add(site, "", [left, right], self.transposed, output, false);
        site.keep("left", left);
        site.keep("right", right);
        Ok(())
    }

    // With Y = A B: dA = dY Bᵀ and dB = Aᵀ dY, each transposed as a whole where the factor is.
    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let (left, right) = (site.kept("left")?, site.kept("right")?);
        let gradient = site.gradient();
        let [of_left, of_right] = self.transposed;
        if let Some((output, accumulate)) = site.begin_gradient(0)? {
            let (factors, transposed) = match of_left {
                false => ([gradient, right], [false, !of_right]),
                true => ([right, gradient], [of_right, true]),
            };
            add(site, "left adjoint", factors, transposed, output, accumulate);
        }
        if let Some((output, accumulate)) = site.begin_gradient(1)? {
            let (factors, transposed) = match of_right {
                false => ([left, gradient], [!of_left, false]),
                true => ([gradient, left], [true, of_left]),
            };
            add(site, "right adjoint", factors, transposed, output, accumulate);
        }
        Ok(())
    }
}

fn add(
    site: &mut dyn Site,
    part: &str,
    [left, right]: [Place; 2],
    transposed: [bool; 2],
    output: Place,
    accumulate: bool,
) {
    let params = mat_mul::Params {
        left: left.view,
        right: right.view,
        output: output.view,
        left_extent: left.shape.into(),
        right_extent: right.shape.into(),
        extent: output.shape.into(),
        transposed: transposed.map(u32::from),
        accumulate: accumulate.into(),
    };
    let buffers = [left.buffer, right.buffer, output.buffer].map(Some);
    site.add(part, params.into(), buffers.into());
}
