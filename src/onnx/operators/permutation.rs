//! Axes in another order, however many there are.

use super::List;
use crate::graph::NodeId;
use crate::graph::ops::{self, Op};
use crate::onnx::axes::permutation;
use crate::onnx::host::{Extents, PROBES};
use crate::onnx::import::{Pixels, Value};
use crate::onnx::job::Job;
use crate::tensor::Shape;

pub(super) const LIST: List = &[("Transpose", transpose)];

fn transpose(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    let order = permutation(&job.attributes, pixels.rank())?;
    let dims: Vec<Extents> = order.iter().map(|&axis| pixels.dims[axis]).collect();
    if pixels.rank() <= 4 {
        let missing = 4 - pixels.rank();
        let node = job.importer.own_shape(&pixels)?;
        let mut axes = [0, 1, 2, 3];
        for (axis, from) in order.iter().enumerate() {
            axes[axis + missing] = from + missing;
        }
        let node = permuted(job, node, axes)?;
        return Ok(vec![Value::Pixels(Pixels { node, dims })]);
    }
    let node = permuted_many(job, &pixels, &order)?;
    Ok(vec![Value::Pixels(Pixels { node, dims })])
}

/// More than four axes in another order: axes that stay neighbours move as one, and where that leaves more than four, one
/// of them goes to its place first.
fn permuted_many(job: &mut Job<'_, '_>, pixels: &Pixels, order: &[usize]) -> Result<NodeId, String> {
    let mut pixels = pixels.clone();
    let mut order = order.to_vec();
    loop {
        let groups = groups_of(&pixels, &order);
        if groups.len() <= 4 {
            return permuted_groups(job, &pixels, &groups);
        }
        let Some(place) = (0..order.len()).find(|&place| order[place] != place) else {
            return Ok(pixels.node);
        };
        let axis = order[place];
        let mut step: Vec<usize> = (0..order.len()).collect();
        step.remove(axis);
        step.insert(place, axis);
        let groups = groups_of(&pixels, &step);
        if groups.len() > 4 {
            return Err(format!("permutes {} axes, which is more than four", order.len()));
        }
        pixels = Pixels {
            node: permuted_groups(job, &pixels, &groups)?,
            dims: step.iter().map(|&axis| pixels.dims[axis]).collect(),
        };
        order = order
            .iter()
            .map(|axis| step.iter().position(|other| other == axis).unwrap_or(0))
            .collect();
    }
}

/// Axes in a new order, those together that are neighbours before and after; those of one element are nowhere.
fn groups_of(pixels: &Pixels, order: &[usize]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for &axis in order.iter().filter(|&&axis| pixels.dims[axis] != [1; PROBES]) {
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(|last| last + 1 == axis) => group.push(axis),
            _ => groups.push(vec![axis]),
        }
    }
    groups
}

fn permuted_groups(job: &mut Job<'_, '_>, pixels: &Pixels, groups: &[Vec<usize>]) -> Result<NodeId, String> {
    let mut in_order: Vec<usize> = (0..groups.len()).collect();
    in_order.sort_by_key(|&group| groups[group][0]);
    let missing = 4 - groups.len();
    let extent = |group: usize, probe: usize| -> usize {
        groups[group]
            .iter()
            .map(|&axis| pixels.dims[axis][probe])
            .product()
    };
    let wanted = std::array::from_fn(|probe| {
        let at = |axis: usize| {
            axis.checked_sub(missing)
                .map_or(1, |own| extent(in_order[own], probe))
        };
        Shape::new(at(0), at(1), at(2), at(3))
    });
    let node = job.importer.with_shape(pixels.node, wanted)?;
    let mut axes = [0, 1, 2, 3];
    for group in 0..groups.len() {
        let from = in_order.iter().position(|&other| other == group).unwrap_or(0);
        axes[group + missing] = from + missing;
    }
    permuted(job, node, axes)
}

/// A node with its axes in another order; what an earlier one did is undone where that is so.
fn permuted(job: &mut Job<'_, '_>, node: NodeId, axes: [usize; 4]) -> Result<NodeId, String> {
    let (source, axes) = match &job.importer.graph.nodes()[node.0] {
        earlier if matches!(earlier.op, Op::Transpose(_)) => match (&earlier.op, earlier.inputs.first()) {
            (Op::Transpose(ops::Transpose { axes: before }), Some(&source)) => {
                (source, axes.map(|axis| before[axis]))
            }
            _ => (node, axes),
        },
        _ => (node, axes),
    };
    match axes {
        [0, 1, 2, 3] => Ok(source),
        axes => job.add(ops::Transpose { axes }, &[source]),
    }
}
