//! Sum, difference, product, quotient, the larger or the smaller of two nodes, and its adjoint.

use super::operator::{Misfit, Operator, Site, add_copy, first_two};
use super::reduction::{Terms, add_reduction};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::{Operation, arithmetic, reduce};
use crate::tensor::Shape;

/// Arithmetic with each two numbers of two nodes. One that has a size of 1 on an axis is repeated along it.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Arithmetic {
    /// What is done with them.
    pub operation: Operation,
}

impl From<Operation> for Arithmetic {
    fn from(operation: Operation) -> Self {
        Arithmetic { operation }
    }
}

/// The sizes of two tensors together, each repeated on the axes on which it has a size of 1; nothing if they do not fit.
pub(super) fn broadcast(left: Shape, right: Shape) -> Option<Shape> {
    let axis = |left: usize, right: usize| match (left, right) {
        (left, right) if left == right => Some(left),
        (1, size) | (size, 1) => Some(size),
        _ => None,
    };
    Some(Shape {
        n: axis(left.n, right.n)?,
        c: axis(left.c, right.c)?,
        h: axis(left.h, right.h)?,
        w: axis(left.w, right.w)?,
    })
}

impl Operator for Arithmetic {
    fn kind(&self) -> &'static str {
        self.operation.name()
    }

    fn inputs(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let [left, right] = first_two(inputs)?;
        broadcast(left, right).ok_or_else(|| {
            Misfit::Other(format!(
                "takes {left} and {right}, whose shapes differ; want sizes that are equal or 1"
            ))
        })
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let places = [site.input(0)?, site.input(1)?, site.output()];
        let params = arithmetic::Params::new(
            self.operation,
            places.map(|place| (place.view, place.shape.into())),
        );
        let buffers = places.map(|place| Some(place.buffer));
        site.add("", params.into(), buffers.into());
        site.keep("left", places[0]);
        site.keep("right", places[1]);
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let gradient = site.gradient();
        let (left, right) = (site.kept("left")?, site.kept("right")?);
        use reduce::{
            NEGATED, OF_DIVISOR, OVER_RIGHT, PLAIN, TIMES_LEFT, TIMES_RIGHT, WHERE_LEFT, WHERE_RIGHT,
        };
        let terms = match self.operation {
            Operation::Add => [PLAIN, PLAIN],
            Operation::Subtract => [PLAIN, NEGATED],
            Operation::Multiply => [TIMES_RIGHT, TIMES_LEFT],
            Operation::Divide => [OVER_RIGHT, OF_DIVISOR],
            Operation::Maximum => [WHERE_LEFT, WHERE_RIGHT],
            Operation::Minimum => [WHERE_RIGHT, WHERE_LEFT],
        };
        let mut passed = false;
        for (input, term) in terms.into_iter().enumerate() {
            if term == PLAIN && !passed && site.pass_gradient(input)? {
                passed = true;
                continue;
            }
            let Some((output, accumulate)) = site.begin_gradient(input)? else {
                continue;
            };
            if term == PLAIN && output.shape == gradient.shape {
                add_copy(site, "adjoint", gradient, output, accumulate);
                continue;
            }
            let terms = Terms {
                input: gradient,
                left: Some(left),
                right: Some(right),
                term,
            };
            let part = ["left adjoint", "right adjoint"][input];
            add_reduction(site, part, terms, reduce::SUM, output, 1.0, accumulate);
        }
        Ok(())
    }
}
