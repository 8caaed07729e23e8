//! The U-Net of github.com/milesial/Pytorch-UNet (commit 21d7850): blocks of two 3×3 convolutions with BatchNorm and ReLU,
//! four levels; upwards transposed convolutions, or bilinear resampling with corners aligned. What comes from below gets a
//! border of zeros to the size of the skip.

use super::layers::{Layers, count, extent};
use super::{Built, Family};
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::graph::ops::{Pad, Resampling, Resize, ResizeSize};
use crate::graph::{NodeId, PadMargins, PadMode};

pub(super) const FAMILY: Family = Family {
    name: "U-Net of milesial",
    mark: "inc.double_conv.0.weight",
    harmless: &["mask_values"],
    build,
};

fn build<'c>(tensors: &'c Checkpoint) -> Result<Built<'c>> {
    let mut layers = Layers::new(tensors, extent(tensors, FAMILY.mark, 1)?);
    let levels = count(tensors, |level| {
        format!("down{}.maxpool_conv.1.double_conv.0.weight", level + 1)
    });
    let mut x = layers.graph.input();
    x = double(&mut layers, "inc.double_conv", x)?;
    let mut skips = Vec::new();
    for level in 1..=levels {
        skips.push(x);
        let name = format!("down{level}.maxpool_conv");
        x = layers.max_pool(&format!("{name}.0"), x, 2, 2, 0)?;
        x = double(&mut layers, &format!("{name}.1.double_conv"), x)?;
    }
    let bilinear = !layers.has("up1.up.weight");
    for step in 1..=levels {
        let name = format!("up{step}");
        let Some(skip) = skips.pop() else { break };
        x = match bilinear {
            true => {
                let op = Resize {
                    mode: Resampling::BILINEAR_ALIGNED,
                    size: ResizeSize::Factor(2),
                };
                layers.other(&format!("{name}.up"), op, &[x])?
            }
            false => layers.transposed(&format!("{name}.up"), x, [2, 2])?,
        };
        let border = Pad {
            mode: PadMode::ZERO,
            margins: PadMargins::LikeCentred,
        };
        x = layers.other(&format!("{name}.pad"), border, &[x, skip])?;
        x = layers.concat(&format!("{name}.cat"), [skip, x])?;
        x = double(&mut layers, &format!("{name}.conv.double_conv"), x)?;
    }
    x = layers.convolution("outc.conv", x, [1, 1])?;
    let kind = if bilinear {
        "bilinear"
    } else {
        "transposed convolutions"
    };
    Ok(Built::new(layers, x, format!("{levels} levels, {kind}")))
}

fn double(layers: &mut Layers<'_>, name: &str, mut x: NodeId) -> Result<NodeId> {
    for index in [0, 3] {
        x = layers.convolution(&format!("{name}.{index}"), x, [1, 1])?;
        x = layers.norm(&format!("{name}.{}", index + 1), x)?;
        x = layers.activation(&format!("{name}.{}", index + 2), x, 0.0)?;
    }
    Ok(x)
}
