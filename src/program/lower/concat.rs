//! Concatenation along channels: nothing at all for parts that stand in place, a copy for others.

use super::Lowering;
use crate::error::Result;
use crate::graph::NodeId;
use crate::program::Place;

impl Lowering<'_> {
    /// The channels of a concatenation, given as `whole`, that its input `index` makes up.
    pub(super) fn part(&self, id: NodeId, index: usize, whole: Place) -> Place {
        let inputs = &self.node(id).inputs;
        let before: usize = inputs[..index].iter().map(|input| self.shape(*input).c).sum();
        Place {
            view: whole.view.window(before, 0, 0),
            shape: self.shape(inputs[index]),
            ..whole
        }
    }

    pub(super) fn concat(&mut self, id: NodeId) -> Result<()> {
        for index in 0..self.node(id).inputs.len() {
            if !self.joins.is_in_place(id, index) {
                let (input, output) = self.ends(id, index)?;
                let part = self.part(id, index, output);
                self.add_copy(self.label(id, ""), input, part, false);
            }
        }
        Ok(())
    }

    pub(super) fn concat_adjoint(&mut self, id: NodeId) -> Result<()> {
        let whole = self.gradient_place(id)?;
        for index in 0..self.node(id).inputs.len() {
            if !self.joins.is_in_place(id, index) {
                let part = self.part(id, index, whole);
                let (gradient, accumulate) = self.begin_gradient(self.node(id).inputs[index])?;
                self.add_copy(self.label(id, "adjoint"), part, gradient, accumulate);
            }
        }
        Ok(())
    }
}
