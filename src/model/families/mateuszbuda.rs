//! The U-Net of github.com/mateuszbuda/brain-segmentation-pytorch (commit d45f890): four levels of two 3×3 convolutions with
//! BatchNorm and ReLU, transposed convolutions upwards, a sigmoid at the end.

use super::layers::{Layers, extent};
use super::{Built, Family};
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::graph::NodeId;
use crate::graph::ops::{Function, Pointwise};

pub(super) const FAMILY: Family = Family {
    name: "U-Net of mateuszbuda",
    mark: "encoder1.enc1conv1.weight",
    harmless: &[],
    build,
};

fn build<'c>(tensors: &'c Checkpoint) -> Result<Built<'c>> {
    let mut layers = Layers::new(tensors, extent(tensors, FAMILY.mark, 1)?);
    let mut x = layers.graph.input();
    let mut skips = Vec::new();
    for level in 1..=4 {
        x = double(&mut layers, &format!("encoder{level}.enc{level}"), x)?;
        skips.push(x);
        x = layers.max_pool(&format!("pool{level}"), x, 2, 2, 0)?;
    }
    x = double(&mut layers, "bottleneck.bottleneck", x)?;
    for level in (1..=4).rev() {
        let Some(skip) = skips.pop() else { break };
        x = layers.transposed(&format!("upconv{level}"), x, [2, 2])?;
        x = layers.concat(&format!("cat{level}"), [x, skip])?;
        x = double(&mut layers, &format!("decoder{level}.dec{level}"), x)?;
    }
    let logits = layers.convolution("conv", x, [1, 1])?;
    let sigmoid = Pointwise {
        function: Function::Sigmoid,
    };
    let published = layers.other("sigmoid", sigmoid, &[logits])?;
    let mut built = Built::new(layers, logits, "4 levels".into());
    built.published = published;
    built
        .remarks
        .push("the logits before its final sigmoid are taken".into());
    built.notes.push(
        "its published weights want each volume normalised by its own mean and deviation; say `mean` and `std`, or \
         `bounds`"
            .into(),
    );
    Ok(built)
}

fn double(layers: &mut Layers<'_>, name: &str, mut x: NodeId) -> Result<NodeId> {
    for index in [1, 2] {
        x = layers.convolution(&format!("{name}conv{index}"), x, [1, 1])?;
        x = layers.norm(&format!("{name}norm{index}"), x)?;
        x = layers.activation(&format!("{name}relu{index}"), x, 0.0)?;
    }
    Ok(x)
}
