//! MONAI's UNet (commit d388d1c) for images, with residual units or plain ones: strided convolutions downwards, transposed
//! ones upwards, InstanceNorm (or BatchNorm) and PReLU. Each level holds the next one as `1.submodule`.

use super::layers::{Layers, extent};
use super::{Built, Family};
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::graph::NodeId;

pub(super) const FAMILY: Family = Family {
    name: "UNet of MONAI with residual units",
    mark: "model.0.conv.unit0.conv.weight",
    harmless: &[],
    build,
};

/// The same without residual units.
pub(super) const PLAIN: Family = Family {
    name: "UNet of MONAI",
    mark: "model.0.conv.weight",
    harmless: &[],
    build: build_plain,
};

fn build<'c>(tensors: &'c Checkpoint) -> Result<Built<'c>> {
    finish(Layers::new(tensors, extent(tensors, FAMILY.mark, 1)?))
}

fn build_plain<'c>(tensors: &'c Checkpoint) -> Result<Built<'c>> {
    finish(Layers::new(tensors, extent(tensors, PLAIN.mark, 1)?))
}

fn finish(mut layers: Layers<'_>) -> Result<Built<'_>> {
    let input = layers.graph.input();
    let mut levels = 1;
    let x = level(&mut layers, "model", input, &mut levels)?;
    let mut built = Built::new(layers, x, format!("{levels} levels"));
    built.remarks.push("strides of 2 between levels".into());
    Ok(built)
}

/// A level: down, all below beside what goes around it, up.
fn level(layers: &mut Layers<'_>, name: &str, x: NodeId, levels: &mut usize) -> Result<NodeId> {
    *levels += 1;
    let skip = unit(layers, &format!("{name}.0"), x, true)?;
    let below = format!("{name}.1.submodule");
    let next = match has_unit(layers, &format!("{below}.0")) {
        true => level(layers, &below, skip, levels)?,
        false => unit(layers, &below, skip, false)?,
    };
    let x = layers.concat(&format!("{name}.1.cat"), [skip, next])?;
    let up = format!("{name}.2");
    if layers.has(&format!("{up}.conv.weight")) {
        return convolved(layers, &up, x, Step::Up);
    }
    let x = convolved(layers, &format!("{up}.0"), x, Step::Up)?;
    unit(layers, &format!("{up}.1"), x, false)
}

fn has_unit(layers: &Layers<'_>, name: &str) -> bool {
    layers.has(&format!("{name}.conv.weight")) || layers.has(&format!("{name}.conv.unit0.conv.weight"))
}

/// How a convolution changes sizes.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    Same,
    Down,
    Up,
}

/// Several convolutions with what goes around them added, or a single one.
fn unit(layers: &mut Layers<'_>, name: &str, x: NodeId, down: bool) -> Result<NodeId> {
    let step = if down { Step::Down } else { Step::Same };
    if layers.has(&format!("{name}.conv.weight")) {
        return convolved(layers, name, x, step);
    }
    let residual = format!("{name}.residual");
    // A residual of one pixel only changes channels; a larger one goes down too.
    let step = match layers.has(&format!("{residual}.weight")) {
        true if layers.extent(&format!("{residual}.weight"), 2)? > 1 => Step::Down,
        _ => Step::Same,
    };
    let mut y = x;
    let mut index = 0;
    while layers.has(&format!("{name}.conv.unit{index}.conv.weight")) {
        let step = if index == 0 { step } else { Step::Same };
        y = convolved(layers, &format!("{name}.conv.unit{index}"), y, step)?;
        index += 1;
    }
    let around = match layers.has(&format!("{residual}.weight")) {
        true => layers.convolution(&residual, x, stride(step))?,
        false => x,
    };
    layers.sum(&format!("{name}.sum"), [y, around])
}

fn stride(step: Step) -> [usize; 2] {
    match step {
        Step::Same => [1, 1],
        Step::Down | Step::Up => [2, 2],
    }
}

/// A convolution, and norm and PReLU behind it if it has them.
fn convolved(layers: &mut Layers<'_>, name: &str, x: NodeId, step: Step) -> Result<NodeId> {
    let convolution = format!("{name}.conv");
    let x = match step {
        Step::Up => layers.transposed(&convolution, x, [2, 2])?,
        _ => layers.convolution(&convolution, x, stride(step))?,
    };
    let activation = format!("{name}.adn.A");
    if !layers.has(&format!("{activation}.weight")) {
        return Ok(x);
    }
    let x = layers.norm(&format!("{name}.adn.N"), x)?;
    layers.learnt_activation(&activation, x)
}
