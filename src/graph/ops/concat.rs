//! Concatenation along channels: nothing at all for parts that stand in place, a copy for others.

use super::operator::{Misfit, Operator, Site, add_copy, first};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::program::Place;
use crate::tensor::Shape;

/// All inputs' channels, in their order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Concat;

impl Operator for Concat {
    fn kind(&self) -> &'static str {
        "concat"
    }

    fn inputs(&self) -> std::ops::RangeInclusive<usize> {
        1..=usize::MAX
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let first = first(inputs)?;
        let differs = |other: &&Shape| (other.n, other.h, other.w) != (first.n, first.h, first.w);
        match inputs.iter().find(differs) {
            Some(other) => Err(Misfit::Other(format!(
                "joins {first} and {other}, whose sizes differ"
            ))),
            None => Ok(Shape {
                c: inputs.iter().map(|input| input.c).sum(),
                ..first
            }),
        }
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        for (index, part) in parts(site, site.output())?.into_iter().enumerate() {
            if !site.is_in_place(index) {
                let input = site.input(index)?;
                add_copy(site, "", input, part, false);
            }
        }
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let whole = site.gradient();
        for (index, part) in parts(site, whole)?.into_iter().enumerate() {
            if !site.is_in_place(index)
                && let Some((gradient, accumulate)) = site.begin_gradient(index)?
            {
                add_copy(site, "adjoint", part, gradient, accumulate);
            }
        }
        Ok(())
    }
}

/// The channels of a concatenation, given as `whole`, that each of its inputs makes up.
fn parts(site: &dyn Site, whole: Place) -> Result<Vec<Place>> {
    let mut before = 0;
    let part = |index| {
        let shape = site.input(index)?.shape;
        let view = whole.view.window(before, 0, 0);
        before += shape.c;
        Ok(Place { view, shape, ..whole })
    };
    (0..site.input_count()).map(part).collect()
}
