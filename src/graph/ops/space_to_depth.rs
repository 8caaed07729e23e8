//! Blocks of pixels to channels; its adjoint is the way back.

use super::depth_to_space::{BlockOrder, DepthToSpace, add, check_block};
use super::operator::{Misfit, Operator, Site, first};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::tensor::Shape;

/// Each block of pixels, laid out as channels, all of one place of a block side by side: as many times fewer rows and
/// columns, and by the square of that more channels.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SpaceToDepth {
    /// Rows and columns of a block.
    pub block: usize,
}

impl Operator for SpaceToDepth {
    fn kind(&self) -> &'static str {
        "space_to_depth"
    }

    fn check(&self) -> Result<(), String> {
        check_block(self.block)
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let Shape { n, c, h, w } = first(inputs)?;
        match h.is_multiple_of(self.block) && w.is_multiple_of(self.block) {
            true => Ok(Shape {
                n,
                c: c.saturating_mul(self.block * self.block),
                h: h / self.block,
                w: w / self.block,
            }),
            false => Err(Misfit::Other(format!(
                "parts {h}×{w} (rows × columns) into blocks of {} × {}, which leaves a rest",
                self.block, self.block
            ))),
        }
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        add(site, "", [input, output], self.reversed(), true, false);
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let gradient = site.gradient();
        if let Some((output, accumulate)) = site.begin_gradient(0)? {
            add(
                site,
                "adjoint",
                [gradient, output],
                self.reversed(),
                false,
                accumulate,
            );
        }
        Ok(())
    }
}

impl SpaceToDepth {
    /// What undoes it.
    fn reversed(&self) -> DepthToSpace {
        DepthToSpace {
            block: self.block,
            order: BlockOrder::DepthFirst,
        }
    }
}
