//! Pooling over windows and over whole images.

use super::List;
use super::convolution::margins;
use crate::graph::ops::{self, Reduction};
use crate::onnx::import::Value;
use crate::onnx::job::Job;

pub(super) const LIST: List = &[
    ("MaxPool", largest),
    ("AveragePool", average),
    ("GlobalAveragePool", |job| over_all(job, Reduction::Mean)),
    ("GlobalMaxPool", |job| over_all(job, Reduction::Max)),
];

fn largest(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let (input, shapes) = job.image(0)?;
    let kernel = kernel(job)?;
    let stride = job.attributes.pair("strides", [1, 1])?;
    if job.attributes.pair("dilations", [1, 1])? != [1, 1] {
        return Err("is dilated, which is not supported".into());
    }
    let sizes = shapes.map(|shape| [shape.h, shape.w]);
    let op = ops::MaxPool2d {
        kernel,
        stride,
        padding: margins(job, sizes, kernel, stride, [1, 1])?,
        ceil: job.attributes.integer("ceil_mode", 0)? != 0,
    };
    let node = job.add(op, &[input])?;
    Ok(vec![job.of_node(node)])
}

fn average(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let (input, shapes) = job.image(0)?;
    let kernel = kernel(job)?;
    let stride = job.attributes.pair("strides", [1, 1])?;
    if job.attributes.pair("dilations", [1, 1])? != [1, 1] {
        return Err("is dilated, which is not supported".into());
    }
    let sizes = shapes.map(|shape| [shape.h, shape.w]);
    let op = ops::AveragePool2d {
        kernel,
        stride,
        padding: margins(job, sizes, kernel, stride, [1, 1])?,
        ceil: job.attributes.integer("ceil_mode", 0)? != 0,
        count_padding: job.attributes.integer("count_include_pad", 0)? != 0,
    };
    let node = job.add(op, &[input])?;
    Ok(vec![job.of_node(node)])
}

fn kernel(job: &Job<'_, '_>) -> Result<[usize; 2], String> {
    match job.attributes.pair("kernel_shape", [0, 0])? {
        [0, _] | [_, 0] => Err("has no kernel_shape".into()),
        kernel => Ok(kernel),
    }
}

fn over_all(job: &mut Job<'_, '_>, function: Reduction) -> Result<Vec<Value>, String> {
    let (input, _) = job.image(0)?;
    let op = ops::Reduce {
        function,
        axes: [false, false, true, true],
    };
    let node = job.add(op, &[input])?;
    Ok(vec![job.of_node(node)])
}
