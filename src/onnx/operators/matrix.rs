//! Products of matrices, and softmax.

use super::List;
use super::arithmetic::constant;
use crate::graph::NodeId;
use crate::graph::ops::{self, Arithmetic, Constant, Operation};
use crate::onnx::axes::axis_of;
use crate::onnx::host::{Extents, PROBES};
use crate::onnx::import::{Pixels, Value};
use crate::onnx::job::Job;

pub(super) const LIST: List = &[("MatMul", product), ("Gemm", general), ("Softmax", softmax)];

/// A factor, with its extents.
fn factor(job: &mut Job<'_, '_>, index: usize) -> Result<(NodeId, Vec<Extents>), String> {
    if !job.is_host(index) {
        let pixels = job.pixels(index)?;
        return Ok((job.importer.own_shape(&pixels)?, pixels.dims));
    }
    let host = job.host(index)?;
    let shape = match host.dims[..] {
        [h, w] => [1, 1, h, w],
        [c, h, w] => [1, c, h, w],
        [n, c, h, w] => [n, c, h, w],
        _ => {
            return Err(format!(
                "multiplies with numbers of shape {:?}; want two to four axes",
                host.dims
            ));
        }
    };
    let node = constant(job, index, &shape)?;
    Ok((node, host.dims.iter().map(|&dim| [dim; PROBES]).collect()))
}

fn product(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let (left, left_dims) = factor(job, 0)?;
    let (right, right_dims) = factor(job, 1)?;
    if left_dims.len() < 2 || right_dims.len() < 2 {
        return Err("multiplies with a vector; want matrices".into());
    }
    let op = ops::MatMul {
        transposed: [false, false],
    };
    let node = job.add(op, &[left, right])?;
    let rank = left_dims.len().max(right_dims.len());
    Ok(vec![job.of_node_ranked(node, rank)?])
}

/// `α A B + β C`, A and B transposed or not.
fn general(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    for name in ["alpha", "beta"] {
        if job.attributes.float(name, 1.0)? != 1.0 {
            return Err(format!("has an {name} other than 1"));
        }
    }
    let (left, _) = factor(job, 0)?;
    let (right, _) = factor(job, 1)?;
    let op = ops::MatMul {
        transposed: [
            job.attributes.integer("transA", 0)? != 0,
            job.attributes.integer("transB", 0)? != 0,
        ],
    };
    let mut node = job.add(op, &[left, right])?;
    if job.has(2) {
        let host = job.host(2)?;
        let width = match host.dims[..] {
            [width] | [1, width] => width,
            _ => {
                return Err(format!(
                    "adds numbers of shape {:?}; want one for each column",
                    host.dims
                ));
            }
        };
        let values = job.parameter(2, "values", &[1, 1, 1, width])?;
        let bias = job.add(Constant { values }, &[])?;
        let op = Arithmetic {
            operation: Operation::Add,
        };
        node = job.add(op, &[node, bias])?;
    }
    Ok(vec![job.of_node_ranked(node, 2)?])
}

fn softmax(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    let rank = pixels.rank();
    let together = job.importer.file.opset < 13;
    let axis = axis_of(
        job.attributes.integer("axis", if together { 1 } else { -1 })?,
        rank,
    )?;
    // Before opset 13 all axes from this one on count as one.
    if together
        && pixels.dims[axis + 1..]
            .iter()
            .any(|extents| *extents != [1; PROBES])
    {
        return Err(format!(
            "is taken over all axes from {axis} on; export it with opset_version=13 or later"
        ));
    }
    let input = job.importer.own_shape(&pixels)?;
    let node = job.add(
        ops::Softmax {
            axis: axis + 4 - rank,
        },
        &[input],
    )?;
    Ok(vec![Value::Pixels(Pixels { node, ..pixels })])
}
