//! Concatenation along one axis: nothing at all for channels that stand in place, a copy for others.

use super::operator::{Misfit, Operator, Site, add_copy, first};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::program::Place;
use crate::tensor::Shape;

/// All inputs, one behind the other along one axis.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Concat {
    /// Along samples, channels, rows or columns: 0 to 3.
    pub axis: usize,
}

impl Concat {
    /// Along channels.
    pub const CHANNELS: Concat = Concat { axis: 1 };
}

impl Operator for Concat {
    fn kind(&self) -> &'static str {
        "concat"
    }

    fn inputs(&self) -> std::ops::RangeInclusive<usize> {
        1..=usize::MAX
    }

    fn check(&self) -> Result<(), String> {
        match self.axis < 4 {
            true => Ok(()),
            false => Err(format!("joins along axis {}; want 0 to 3", self.axis)),
        }
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let first = first(inputs)?;
        let mut joined = first.sizes();
        joined[self.axis] = 0;
        for input in inputs {
            let mut sizes = input.sizes();
            let along = std::mem::replace(&mut sizes[self.axis], joined[self.axis]);
            if sizes != joined {
                return Err(Misfit::Other(format!(
                    "joins {first} and {input}, whose sizes differ"
                )));
            }
            joined[self.axis] = joined[self.axis].saturating_add(along);
        }
        let [n, c, h, w] = joined;
        Ok(Shape { n, c, h, w })
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        for (index, part) in self.parts(site, site.output())?.into_iter().enumerate() {
            if !site.is_in_place(index) {
                let input = site.input(index)?;
                add_copy(site, "", input, part, false);
            }
        }
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let whole = site.gradient();
        for (index, part) in self.parts(site, whole)?.into_iter().enumerate() {
            if !site.is_in_place(index)
                && let Some((gradient, accumulate)) = site.begin_gradient(index)?
            {
                add_copy(site, "adjoint", part, gradient, accumulate);
            }
        }
        Ok(())
    }
}

impl Concat {
    /// The parts of a concatenation, given as `whole`, that its inputs make up.
    fn parts(&self, site: &dyn Site, whole: Place) -> Result<Vec<Place>> {
        let mut begin = [0; 4];
        let part = |index| {
            let shape = site.input(index)?.shape;
            let view = whole.view.beginning(begin);
            begin[self.axis] += shape.sizes()[self.axis];
            Ok(Place { view, shape, ..whole })
        };
        (0..site.input_count()).map(part).collect()
    }
}
