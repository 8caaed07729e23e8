//! MONAI's BasicUNet (commit d388d1c) for images: blocks of two 3×3 convolutions with InstanceNorm (or BatchNorm) and
//! LeakyReLU 0.1, four levels, transposed convolutions upwards; what comes from below gets its last row and column repeated
//! to the size of the skip.

use super::layers::{Layers, extent};
use super::{Built, Family};
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::graph::ops::Pad;
use crate::graph::{NodeId, PadMargins, PadMode};

pub(super) const FAMILY: Family = Family {
    name: "BasicUNet of MONAI",
    mark: "conv_0.conv_0.conv.weight",
    harmless: &[],
    build,
};

fn build<'c>(tensors: &'c Checkpoint) -> Result<Built<'c>> {
    let mut layers = Layers::new(tensors, extent(tensors, FAMILY.mark, 1)?);
    let mut x = layers.graph.input();
    x = double(&mut layers, "conv_0", x)?;
    let mut skips = Vec::new();
    for level in 1..=4 {
        skips.push(x);
        x = layers.max_pool(&format!("down_{level}.max_pooling"), x, 2, 2, 0)?;
        x = double(&mut layers, &format!("down_{level}.convs"), x)?;
    }
    for level in (1..=4).rev() {
        let Some(skip) = skips.pop() else { break };
        let name = format!("upcat_{level}");
        x = layers.transposed(&format!("{name}.upsample.deconv"), x, [2, 2])?;
        let border = Pad {
            mode: PadMode::Replicate,
            margins: PadMargins::LikeBottomRight,
        };
        x = layers.other(&format!("{name}.pad"), border, &[x, skip])?;
        x = layers.concat(&format!("{name}.cat"), [skip, x])?;
        x = double(&mut layers, &format!("{name}.convs"), x)?;
    }
    x = layers.convolution("final_conv", x, [1, 1])?;
    let mut built = Built::new(layers, x, "4 levels".into());
    built
        .remarks
        .push("LeakyReLU of slope 0.1, the default, assumed".into());
    Ok(built)
}

fn double(layers: &mut Layers<'_>, name: &str, mut x: NodeId) -> Result<NodeId> {
    for index in [0, 1] {
        let name = format!("{name}.conv_{index}");
        x = layers.convolution(&format!("{name}.conv"), x, [1, 1])?;
        x = layers.norm(&format!("{name}.adn.N"), x)?;
        x = layers.activation(&format!("{name}.adn.A"), x, 0.1)?;
    }
    Ok(x)
}
