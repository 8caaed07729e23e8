//! Means, largest values and sums along axes.

use super::List;
use crate::graph::ops::{self, Arithmetic, Operation, Reduction};
use crate::onnx::axes::{axes, axis_of};
use crate::onnx::host::PROBES;
use crate::onnx::import::{Pixels, Value};
use crate::onnx::job::Job;

pub(super) const LIST: List = &[
    ("ReduceMean", |job| reduce(job, Reduction::Mean)),
    ("ReduceMax", |job| reduce(job, Reduction::Max)),
    ("ReduceSum", |job| reduce(job, Reduction::Sum)),
];

fn reduce(job: &mut Job<'_, '_>, function: Reduction) -> Result<Vec<Value>, String> {
    let named = axes(&job.attributes, job.optional_host(1)?.as_ref())?;
    let keep = job.attributes.integer("keepdims", 1)? != 0;
    if let Some(parts) = job.stack(0) {
        return side_by_side(job, function, &parts, named, keep);
    }
    let pixels = job.pixels(0)?;
    let rank = pixels.rank();
    let reduced: Vec<usize> = match named {
        Some(axes) if !axes.is_empty() => axes
            .iter()
            .map(|&axis| axis_of(axis, rank))
            .collect::<Result<_, _>>()?,
        _ if job.attributes.integer("noop_with_empty_axes", 0)? != 0 => {
            return Ok(vec![Value::Pixels(pixels)]);
        }
        _ => (0..rank).collect(),
    };
    let input = job.importer.own_shape(&pixels)?;
    let mut along = [false; 4];
    reduced.iter().for_each(|axis| along[axis + 4 - rank] = true);
    let node = job.add(
        ops::Reduce {
            function,
            axes: along,
        },
        &[input],
    )?;
    let dims =
        pixels
            .dims
            .iter()
            .enumerate()
            .filter_map(|(axis, extents)| match (reduced.contains(&axis), keep) {
                (false, _) => Some(*extents),
                (true, true) => Some([1; PROBES]),
                (true, false) => None,
            });
    let dims = dims.collect();
    Ok(vec![Value::Pixels(Pixels { node, dims })])
}

/// Along the axis of tensors side by side: their sum.
fn side_by_side(
    job: &mut Job<'_, '_>,
    function: Reduction,
    parts: &[Pixels],
    axes: Option<Vec<i64>>,
    keep: bool,
) -> Result<Vec<Value>, String> {
    let rank = parts.first().map_or(0, Pixels::rank) + 1;
    let first = matches!(axes.as_deref(), Some(&[axis]) if axis_of(axis, rank)? == 0);
    let operation = match function {
        Reduction::Sum => Operation::Add,
        Reduction::Max => Operation::Maximum,
        Reduction::Mean => return Err("takes the mean of tensors of five axes".into()),
    };
    let [one, rest @ ..] = parts else {
        return Err("reduces nothing".into());
    };
    if !first || keep {
        return Err("works on a tensor of five axes in a way that is not supported".into());
    }
    let mut sum = job.importer.own_shape(one)?;
    for part in rest {
        let next = job.importer.own_shape(part)?;
        sum = job.add(Arithmetic { operation }, &[sum, next])?;
    }
    Ok(vec![Value::Pixels(Pixels {
        node: sum,
        dims: one.dims.clone(),
    })])
}
