//! Channels to blocks of pixels; its adjoint is the way back.

use super::operator::{MOST_SETTING, Misfit, Operator, Site, check_settings, first};
use crate::error::Result;
use crate::graph::parameter::Parameter;
use crate::kernels::depth_to_space;
use crate::program::Place;
use crate::tensor::Shape;

/// Which of a pixel's channels go into one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum BlockOrder {
    /// Those as many apart as there are channels afterwards: ONNX's DCR.
    DepthFirst,
    /// Those beside one another: ONNX's CRD, PyTorch's pixel shuffle.
    ColumnFirst,
}

/// Each pixel's channels, laid out as blocks of pixels: as many times the rows and columns, and by the square of that fewer
/// channels.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DepthToSpace {
    /// Rows and columns of a block.
    pub block: usize,
    /// Which channels go into one.
    pub order: BlockOrder,
}

impl Operator for DepthToSpace {
    fn kind(&self) -> &'static str {
        "depth_to_space"
    }

    fn check(&self) -> Result<(), String> {
        check_block(self.block)
    }

    fn shape(&self, inputs: &[Shape], _: &[Parameter]) -> Result<Shape, Misfit> {
        let Shape { n, c, h, w } = first(inputs)?;
        match c.is_multiple_of(self.block * self.block) {
            true => Ok(Shape {
                n,
                c: c / (self.block * self.block),
                h: h * self.block,
                w: w * self.block,
            }),
            false => Err(Misfit::Other(format!(
                "lays channels out as blocks of {} × {}, but is given {c}, no multiple of that",
                self.block, self.block
            ))),
        }
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let (input, output) = (site.input(0)?, site.output());
        add(site, "", [input, output], *self, false, false);
        Ok(())
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let gradient = site.gradient();
        if let Some((output, accumulate)) = site.begin_gradient(0)? {
            add(site, "adjoint", [gradient, output], *self, true, accumulate);
        }
        Ok(())
    }
}

pub(super) fn check_block(block: usize) -> Result<(), String> {
    check_settings("block", &[block], 1..=MOST_SETTING)
}

/// Adds the call that lays out `input` as `layout` says, or, with `back`, the other way.
pub(super) fn add(
    site: &mut dyn Site,
    part: &str,
    [input, output]: [Place; 2],
    layout: DepthToSpace,
    back: bool,
    accumulate: bool,
) {
    let params = depth_to_space::Params {
        input: input.view,
        output: output.view,
        input_extent: input.shape.into(),
        output_extent: output.shape.into(),
        block: layout.block as u32,
        order: match layout.order {
            BlockOrder::DepthFirst => depth_to_space::DEPTH_FIRST,
            BlockOrder::ColumnFirst => depth_to_space::COLUMN_FIRST,
        },
        back: back.into(),
        accumulate: accumulate.into(),
    };
    site.add(part, params.into(), vec![Some(input.buffer), Some(output.buffer)]);
}
