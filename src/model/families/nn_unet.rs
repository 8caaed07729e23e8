//! nnU-Net's two-dimensional networks (dynamic-network-architectures, commit d35f85c): the plain one, and the one with
//! residual blocks in its encoder. InstanceNorm with ε 1e-5, LeakyReLU of slope 0.01, strided convolutions downwards,
//! transposed ones of kernel = stride upwards; of the heads at every level the last one counts.

use super::layers::{Layers, count, extent};
use super::{Built, Family, nn_unet_plans};
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::graph::NodeId;

/// Tensors that stand a second time under another name, and the heads of deep supervision.
const ALIASES: &[&str] = &[".all_modules.", "decoder.encoder.", "decoder.seg_layers."];

pub(super) const PLAIN: Family = Family {
    name: "PlainConvUNet of nnU-Net",
    mark: "encoder.stages.0.0.convs.0.conv.weight",
    harmless: ALIASES,
    build: build_plain,
};

pub(super) const RESIDUAL: Family = Family {
    name: "ResidualEncoderUNet of nnU-Net",
    mark: "encoder.stages.0.blocks.0.conv1.conv.weight",
    harmless: ALIASES,
    build: build_residual,
};

const SLOPE: f32 = 0.01;

/// The strides of the encoder's stages: those of the decoder in reverse, and 1 for the first.
fn strides(tensors: &Checkpoint) -> Result<Vec<[usize; 2]>> {
    let steps = count(tensors, |step| format!("decoder.transpconvs.{step}.weight"));
    // The encoder has one stage more: without this a missing tensor would make a smaller network of the rest.
    let stages = count(tensors, |stage| {
        format!("encoder.stages.{stage}.0.convs.0.conv.weight")
    })
    .max(count(tensors, |stage| {
        format!("encoder.stages.{stage}.blocks.0.conv1.conv.weight")
    }));
    if stages > steps + 1 {
        return Err(tensors.error(format!(
            "the tensor `decoder.transpconvs.{steps}.weight` is missing"
        )));
    }
    let mut strides = vec![[1, 1]];
    for step in (0..steps).rev() {
        let name = format!("decoder.transpconvs.{step}.weight");
        if tensors.shape_of(&name).is_some_and(|shape| shape.len() != 4) {
            return Err(tensors.error(
                "is a network for volumes; networks for images of rows and columns are read (the 2d configuration)",
            ));
        }
        strides.push([extent(tensors, &name, 2)?, extent(tensors, &name, 3)?]);
    }
    Ok(strides)
}

fn build_plain<'c>(tensors: &'c Checkpoint) -> Result<Built<'c>> {
    let strides = strides(tensors)?;
    let mut layers = Layers::new(tensors, extent(tensors, PLAIN.mark, 1)?);
    let mut x = layers.graph.input();
    let mut skips = Vec::new();
    for (stage, stride) in strides.iter().enumerate() {
        x = convolutions(&mut layers, &format!("encoder.stages.{stage}.0"), x, *stride)?;
        skips.push(x);
    }
    decoder(layers, skips, &strides)
}

fn build_residual<'c>(tensors: &'c Checkpoint) -> Result<Built<'c>> {
    let strides = strides(tensors)?;
    let stem = "encoder.stem.convs.0.conv.weight";
    let first = if tensors.shape_of(stem).is_some() {
        stem
    } else {
        RESIDUAL.mark
    };
    let mut layers = Layers::new(tensors, extent(tensors, first, 1)?);
    let mut x = layers.graph.input();
    if first == stem {
        x = convolutions(&mut layers, "encoder.stem", x, [1, 1])?;
    }
    let mut skips = Vec::new();
    for (stage, stride) in strides.iter().enumerate() {
        let blocks = count(tensors, |block| {
            format!("encoder.stages.{stage}.blocks.{block}.conv1.conv.weight")
        });
        for block in 0..blocks {
            let stride = if block == 0 { *stride } else { [1, 1] };
            x = residual(
                &mut layers,
                &format!("encoder.stages.{stage}.blocks.{block}"),
                x,
                stride,
            )?;
        }
        skips.push(x);
    }
    decoder(layers, skips, &strides)
}

fn decoder<'c>(mut layers: Layers<'c>, mut skips: Vec<NodeId>, strides: &[[usize; 2]]) -> Result<Built<'c>> {
    let mut x = skips.pop().unwrap_or(layers.graph.input());
    let steps = strides.len() - 1;
    for (step, stride) in strides.iter().skip(1).rev().enumerate() {
        let Some(skip) = skips.pop() else { break };
        x = layers.transposed(&format!("decoder.transpconvs.{step}"), x, *stride)?;
        x = layers.concat(&format!("decoder.cat.{step}"), [x, skip])?;
        x = convolutions(&mut layers, &format!("decoder.stages.{step}"), x, [1, 1])?;
    }
    let last = steps.saturating_sub(1);
    x = layers.convolution(&format!("decoder.seg_layers.{last}"), x, [1, 1])?;
    let plans = nn_unet_plans::read(layers.tensors, strides)?;
    let mut built = Built::new(layers, x, format!("{} stages", strides.len()));
    match plans {
        Some(plans) => {
            built.remarks.extend(plans.remarks);
            built.notes.extend(plans.notes);
            if let Some(preprocessing) = plans.preprocessing {
                built.preprocessing = preprocessing;
            }
        }
        None => built.notes.push(
            "nnU-Net normalises images as its plans.json says, which does not lie beside the weights, mostly by each one's mean \
             and deviation; say `mean` and `std`, or `bounds`"
                .into(),
        ),
    }
    Ok(built)
}

/// Convolutions one behind the other, the first with a stride.
fn convolutions(layers: &mut Layers<'_>, name: &str, mut x: NodeId, stride: [usize; 2]) -> Result<NodeId> {
    let count = count(layers.tensors, |index| {
        format!("{name}.convs.{index}.conv.weight")
    });
    // The first names what is missing if there is none.
    let count = count.max(1);
    for index in 0..count {
        let name = format!("{name}.convs.{index}");
        x = normed(layers, &name, x, if index == 0 { stride } else { [1, 1] })?;
        x = layers.activation(&format!("{name}.nonlin"), x, SLOPE)?;
    }
    Ok(x)
}

fn normed(layers: &mut Layers<'_>, name: &str, x: NodeId, stride: [usize; 2]) -> Result<NodeId> {
    let x = layers.convolution(&format!("{name}.conv"), x, stride)?;
    layers.norm(&format!("{name}.norm"), x)
}

fn residual(layers: &mut Layers<'_>, name: &str, x: NodeId, stride: [usize; 2]) -> Result<NodeId> {
    let y = normed(layers, &format!("{name}.conv1"), x, stride)?;
    let y = layers.activation(&format!("{name}.nonlin1"), y, SLOPE)?;
    let y = normed(layers, &format!("{name}.conv2"), y, [1, 1])?;
    let mut around = x;
    if stride != [1, 1] {
        around = layers.average_pool(&format!("{name}.skip.pool"), around, stride)?;
    }
    for index in [0, 1] {
        let shortcut = format!("{name}.skip.{index}");
        if layers.has(&format!("{shortcut}.conv.weight")) {
            around = normed(layers, &shortcut, around, [1, 1])?;
        }
    }
    let sum = layers.sum(&format!("{name}.sum"), [y, around])?;
    layers.activation(&format!("{name}.nonlin2"), sum, SLOPE)
}
