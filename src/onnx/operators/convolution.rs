//! Convolutions.

use super::List;
use crate::graph::ops::{self, MOST_SETTING, Margins};
use crate::onnx::attributes::setting;
use crate::onnx::host::PROBES;
use crate::onnx::import::Value;
use crate::onnx::job::Job;

pub(super) const LIST: List = &[("Conv", convolution), ("ConvTranspose", transposed)];

/// The extents of a weight of two-dimensional convolutions.
fn weight_extents(job: &Job<'_, '_>) -> Result<[usize; 4], String> {
    match job.host(1)?.dims[..] {
        [out, channels, rows, columns] => Ok([out, channels, rows, columns]),
        ref dims => Err(format!(
            "has a weight of shape {dims:?}: a convolution over {} axes; networks on images of rows and columns are \
             supported",
            dims.len().saturating_sub(2)
        )),
    }
}

fn groups(job: &Job<'_, '_>) -> Result<usize, String> {
    let groups = job.attributes.integer("group", 1)?;
    usize::try_from(groups)
        .ok()
        .filter(|&groups| groups > 0)
        .ok_or_else(|| format!("has {groups} groups"))
}

/// The margins of windows, by `pads` or `auto_pad`, for inputs of these rows and columns. Empty `sizes` where margins
/// cannot follow from the input.
pub(super) fn margins(
    job: &Job<'_, '_>,
    sizes: [[usize; 2]; PROBES],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
) -> Result<Margins, String> {
    let automatic = job.attributes.text("auto_pad", "NOTSET")?;
    let lower = match automatic {
        "NOTSET" | "" => {
            return match job.attributes.integers("pads")? {
                None => Ok(Margins::NONE),
                Some(pads) => match pads.iter().map(|&pad| setting(pad)).collect::<Vec<_>>()[..] {
                    [Some(top), Some(left), Some(bottom), Some(right)] => Ok(Margins {
                        top,
                        bottom,
                        left,
                        right,
                    }),
                    _ => Err(format!(
                        "has pads of {pads:?}; want four numbers from 0 to {MOST_SETTING}"
                    )),
                },
            };
        }
        "VALID" => return Ok(Margins::NONE),
        "SAME_UPPER" => false,
        "SAME_LOWER" => true,
        other => return Err(format!("has an auto_pad `{other}` that is not known")),
    };
    let total = |axis: usize, size: usize| {
        let windows = size.div_ceil(stride[axis].max(1));
        let reach = (windows.max(1) - 1) * stride[axis] + (kernel[axis].max(1) - 1) * dilation[axis] + 1;
        reach.saturating_sub(size)
    };
    let mut all = sizes.iter().map(|size| [total(0, size[0]), total(1, size[1])]);
    let first = all.next().unwrap_or_default();
    if !all.all(|other| other == first) {
        return Err(format!(
            "pads by {automatic} as the input's size says; export the network for one size, or with pads written out"
        ));
    }
    let [rows, columns] = first;
    let before = |total: usize| if lower { total.div_ceil(2) } else { total / 2 };
    Ok(Margins {
        top: before(rows),
        bottom: rows - before(rows),
        left: before(columns),
        right: columns - before(columns),
    })
}

fn convolution(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let (input, shapes) = job.image(0)?;
    let extents = weight_extents(job)?;
    let [out, _, rows, columns] = extents;
    let stride = job.attributes.pair("strides", [1, 1])?;
    let dilation = job.attributes.pair("dilations", [1, 1])?;
    let sizes = shapes.map(|shape| [shape.h, shape.w]);
    let op = ops::Conv2d {
        weight: job.parameter(1, "", &extents)?,
        bias: match job.has(2) {
            true => Some(job.parameter(2, "", &[out])?),
            false => None,
        },
        stride,
        padding: margins(job, sizes, [rows, columns], stride, dilation)?,
        dilation,
        groups: groups(job)?,
    };
    let node = job.add(op, &[input])?;
    Ok(vec![job.of_node(node)])
}

fn transposed(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let (input, _) = job.image(0)?;
    let extents = weight_extents(job)?;
    let groups = groups(job)?;
    let [_, out, _, _] = extents;
    if job.attributes.has("output_shape") {
        return Err("names an output_shape; export it with pads and output_padding".into());
    }
    if !matches!(job.attributes.text("auto_pad", "NOTSET")?, "NOTSET" | "VALID") {
        return Err("pads by auto_pad; export it with pads written out".into());
    }
    let op = ops::ConvTranspose2d {
        weight: job.parameter(1, "", &extents)?,
        bias: match job.has(2) {
            true => Some(job.parameter(2, "", &[out.saturating_mul(groups)])?),
            false => None,
        },
        stride: job.attributes.pair("strides", [1, 1])?,
        padding: margins(job, [[0, 0]; PROBES], [1, 1], [1, 1], [1, 1])?,
        output_padding: job.attributes.pair("output_padding", [0, 0])?,
        dilation: job.attributes.pair("dilations", [1, 1])?,
        groups,
    };
    let node = job.add(op, &[input])?;
    Ok(vec![job.of_node(node)])
}
