//! Elementwise sum and its adjoint: the gradient goes to both summands.

use super::operator::{Misfit, Operator, Site, add_copy, first_two};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::add;
use crate::tensor::Shape;

/// Elementwise sum of two nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Add;

impl Operator for Add {
    fn kind(&self) -> &'static str {
        "add"
    }

    fn inputs(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let [first, other] = first_two(inputs)?;
        match first == other {
            true => Ok(first),
            false => Err(Misfit::Other(format!(
                "adds {first} and {other}, whose shapes differ"
            ))),
        }
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let [left, right, output] = [site.input(0)?, site.input(1)?, site.output()];
        let params = add::Params {
            left: left.view,
            right: right.view,
            output: output.view,
            extent: output.shape.into(),
        };
        let buffers = [left, right, output].map(|place| Some(place.buffer));
        site.add("", params.into(), buffers.into());
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let gradient = site.gradient();
        for input in 0..2 {
            if let Some((output, accumulate)) = site.begin_gradient(input)? {
                add_copy(site, "adjoint", gradient, output, accumulate);
            }
        }
        Ok(())
    }
}
