//! Sums, differences, products and quotients, of pixels with one another and with numbers.

use super::List;
use super::pointwise::on_node;
use crate::graph::NodeId;
use crate::graph::ops::{self, Arithmetic, Constant, Function, Operation};
use crate::onnx::host::{Extents, Host, PROBES};
use crate::onnx::import::{Pixels, Value};
use crate::onnx::job::Job;

pub(super) const LIST: List = &[
    ("Add", |job| of_two(job, Operation::Add)),
    ("Sub", |job| of_two(job, Operation::Subtract)),
    ("Mul", |job| of_two(job, Operation::Multiply)),
    ("Div", |job| of_two(job, Operation::Divide)),
    ("Max", |job| of_several(job, Operation::Maximum)),
    ("Min", |job| of_several(job, Operation::Minimum)),
    ("Sum", |job| of_several(job, Operation::Add)),
    ("Pow", power),
];

fn of_two(job: &mut Job<'_, '_>, operation: Operation) -> Result<Vec<Value>, String> {
    if job.is_host(0) || job.is_host(1) {
        return with_numbers(job, operation);
    }
    let (one, other) = (job.pixels(0)?, job.pixels(1)?);
    Ok(vec![Value::Pixels(combined(job, operation, &one, &other)?)])
}

fn of_several(job: &mut Job<'_, '_>, operation: Operation) -> Result<Vec<Value>, String> {
    let count = job.node.input.len();
    if count == 2 {
        return of_two(job, operation);
    }
    let mut sum = job.pixels(0)?;
    for index in 1..count {
        let next = job.pixels(index)?;
        sum = combined(job, operation, &sum, &next)?;
    }
    Ok(vec![Value::Pixels(sum)])
}

/// Two tensors, with broadcasting.
fn combined(
    job: &mut Job<'_, '_>,
    operation: Operation,
    one: &Pixels,
    other: &Pixels,
) -> Result<Pixels, String> {
    let op = Arithmetic { operation };
    // Of the same extents and elements, whatever their own shapes are.
    if one.dims == other.dims && job.importer.shapes(one.node) == job.importer.shapes(other.node) {
        let node = job.add(op, &[one.node, other.node])?;
        return Ok(Pixels {
            node,
            dims: one.dims.clone(),
        });
    }
    let dims = broadcast(&one.dims, &other.dims)?;
    let inputs = [job.importer.own_shape(one)?, job.importer.own_shape(other)?];
    let node = job.add(op, &inputs)?;
    Ok(Pixels { node, dims })
}

fn broadcast(one: &[Extents], other: &[Extents]) -> Result<Vec<Extents>, String> {
    let rank = one.len().max(other.len());
    let at = |dims: &[Extents], axis: usize| {
        let own = (axis + dims.len()).checked_sub(rank);
        own.map_or([1; PROBES], |own| dims[own])
    };
    let pairs = (0..rank).map(|axis| (at(one, axis), at(other, axis)));
    let dims = pairs.map(|pair| match pair {
        (one, other) if one == other => Some(one),
        (one, other) if one == [1; PROBES] => Some(other),
        (one, other) if other == [1; PROBES] => Some(one),
        _ => None,
    });
    dims.collect::<Option<Vec<Extents>>>().ok_or_else(|| {
        let first = |dims: &[Extents]| dims.iter().map(|extents| extents[0]).collect::<Vec<_>>();
        format!(
            "wants tensors that go together, and has {:?} and {:?}",
            first(one),
            first(other)
        )
    })
}

/// Pixels with numbers on one side.
fn with_numbers(job: &mut Job<'_, '_>, operation: Operation) -> Result<Vec<Value>, String> {
    let first = job.is_host(0);
    let (pixels, numbers) = match first {
        true => (job.pixels(1)?, 0),
        false => (job.pixels(0)?, 1),
    };
    let host = job.host(numbers)?;
    if let Some(values) = per_channel(job, &pixels, &host)? {
        return scaled(job, operation, &pixels, values, first);
    }
    if host.length() == 1 && matches!(operation, Operation::Maximum | Operation::Minimum) {
        let bound = host.scalar()? as f32;
        let function = match operation {
            Operation::Maximum => Function::Clip {
                low: bound,
                high: f32::MAX,
            },
            _ => Function::Clip {
                low: f32::MIN,
                high: bound,
            },
        };
        let node = job.add(ops::Pointwise { function }, &[pixels.node])?;
        return Ok(vec![Value::Pixels(Pixels { node, ..pixels })]);
    }
    // In the pixels' own shape, whatever it is, one number goes with all.
    let (constant, image) = match host.length() {
        1 => (constant(job, numbers, &[1, 1, 1, 1])?, pixels.clone()),
        _ => {
            let dims = fixed_shape(&host)?;
            let node = job.importer.own_shape(&pixels)?;
            (
                constant(job, numbers, &dims)?,
                Pixels {
                    node,
                    ..pixels.clone()
                },
            )
        }
    };
    let inputs = if first {
        [constant, image.node]
    } else {
        [image.node, constant]
    };
    let node = job.add(Arithmetic { operation }, &inputs)?;
    let dims = match host.length() {
        1 => pixels.dims,
        _ => {
            let host_dims: Vec<Extents> = host.dims.iter().map(|&dim| [dim; PROBES]).collect();
            broadcast(&pixels.dims, &host_dims)?
        }
    };
    Ok(vec![Value::Pixels(Pixels { node, dims })])
}

/// The extents of numbers with ones before them.
fn fixed_shape(host: &Host) -> Result<[usize; 4], String> {
    match host.dims[..] {
        [] => Ok([1, 1, 1, 1]),
        [w] => Ok([1, 1, 1, w]),
        [h, w] => Ok([1, 1, h, w]),
        [c, h, w] => Ok([1, c, h, w]),
        [n, c, h, w] => Ok([n, c, h, w]),
        _ => Err(format!(
            "has numbers of shape {:?}; want at most four axes",
            host.dims
        )),
    }
}

/// A node of the numbers of an input.
pub(super) fn constant(job: &mut Job<'_, '_>, index: usize, shape: &[usize; 4]) -> Result<NodeId, String> {
    let values = job.parameter(index, "values", shape)?;
    job.add(Constant { values }, &[])
}

/// The numbers for each channel, if there is one for each or one for all, and the pixels have samples and channels.
fn per_channel(job: &mut Job<'_, '_>, pixels: &Pixels, host: &Host) -> Result<Option<Vec<f32>>, String> {
    let own = job.importer.own_shape(pixels);
    let is_image = pixels.rank() == 4 && own.is_ok_and(|node| node == pixels.node);
    if !is_image {
        return Ok(None);
    }
    let shapes = job.importer.shapes(pixels.node);
    let channels = shapes[0].c;
    // Where channels stand last, what stands in their place follows from the input's size.
    if shapes.iter().any(|shape| shape.c != channels) {
        return Ok(None);
    }
    let values = match host.dims[..] {
        _ if host.length() == 1 => vec![host.weights()?[0]; channels],
        [c, 1, 1] | [1, c, 1, 1] if c == channels => host.weights()?.to_vec(),
        _ => return Ok(None),
    };
    Ok(Some(values))
}

/// `scale · x + shift` of each channel.
fn scaled(
    job: &mut Job<'_, '_>,
    operation: Operation,
    pixels: &Pixels,
    values: Vec<f32>,
    first: bool,
) -> Result<Vec<Value>, String> {
    let channels = values.len();
    let all = |value: f32| vec![value; channels];
    let (scale, shift) = match (operation, first) {
        (Operation::Add, _) => (all(1.0), values),
        (Operation::Multiply, _) => (values, all(0.0)),
        (Operation::Subtract, false) => (all(1.0), values.iter().map(|value| -value).collect()),
        (Operation::Subtract, true) => (all(-1.0), values),
        (Operation::Divide, false) => (values.iter().map(|value| value.recip()).collect(), all(0.0)),
        (Operation::Divide, true) => {
            // What stands above the line is multiplied with the reciprocal.
            let reciprocal = job.add(
                ops::Pointwise {
                    function: Function::Reciprocal,
                },
                &[pixels.node],
            )?;
            let pixels = Pixels {
                node: reciprocal,
                ..pixels.clone()
            };
            return scaled(job, Operation::Multiply, &pixels, values, false);
        }
        (Operation::Maximum | Operation::Minimum, _) => {
            let shape = [1, channels, 1, 1];
            let values = job.made_parameter("bounds", &shape, values)?;
            let bounds = job.add(Constant { values }, &[])?;
            let node = job.add(Arithmetic { operation }, &[pixels.node, bounds])?;
            return Ok(vec![Value::Pixels(Pixels {
                node,
                ..pixels.clone()
            })]);
        }
    };
    let op = ops::Affine {
        scale: job.made_parameter("scale", &[channels], scale)?,
        shift: job.made_parameter("shift", &[channels], shift)?,
    };
    let node = job.add(op, &[pixels.node])?;
    Ok(vec![Value::Pixels(Pixels {
        node,
        ..pixels.clone()
    })])
}

fn power(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let exponent = job.host(1)?.scalar()? as f32;
    let function = match exponent {
        0.5 => Function::Sqrt,
        -1.0 => Function::Reciprocal,
        exponent => Function::Power { exponent },
    };
    on_node(job, ops::Pointwise { function })
}
