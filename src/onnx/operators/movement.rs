//! What moves values without computing any: other extents, several side by side, borders, blocks.

use super::List;
use super::arithmetic::constant;
use super::parts::{MOST_PARTS, product, window};
use crate::graph::NodeId;
use crate::graph::ops::{self, BlockOrder, Margins, PadMargins, PadMode, Resampling, ResizeSize};
use crate::onnx::axes::{Cut, axes, axis_of, squeezed, unsqueezed};
use crate::onnx::host::{Extents, Number, PROBES};
use crate::onnx::import::{Pixels, Value};
use crate::onnx::job::Job;

pub(super) const LIST: List = &[
    ("Reshape", reshape),
    ("Flatten", flatten),
    ("Squeeze", squeeze),
    ("Unsqueeze", unsqueeze),
    ("Concat", concat),
    ("Expand", expand),
    ("Pad", pad),
    ("DepthToSpace", depth_to_space),
    ("SpaceToDepth", space_to_depth),
];

/// The same elements with other extents: nothing is computed until an operator wants them so.
fn seen_as(pixels: Pixels, dims: Vec<Extents>) -> Result<Vec<Value>, String> {
    let elements = |dims: &[Extents], probe: usize| -> Option<usize> {
        dims.iter()
            .try_fold(1usize, |product, extents| product.checked_mul(extents[probe]))
    };
    for probe in 0..PROBES {
        let (found, wanted) = (elements(&pixels.dims, probe), elements(&dims, probe));
        if found != wanted || found.is_none() {
            let of = |dims: &[Extents]| dims.iter().map(|extents| extents[probe]).collect::<Vec<_>>();
            return Err(format!(
                "makes {:?} of {:?}, which has another number of elements",
                of(&dims),
                of(&pixels.dims)
            ));
        }
    }
    Ok(vec![Value::Pixels(Pixels {
        node: pixels.node,
        dims,
    })])
}

fn extents(number: &Number) -> Result<Extents, String> {
    let mut extents = [0; PROBES];
    for (extent, value) in extents.iter_mut().zip(number.at) {
        if !(0.0..1e15).contains(&value) {
            return Err(format!("wants an extent of {value}"));
        }
        *extent = value as usize;
    }
    Ok(extents)
}

fn reshape(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    let wanted = match job.optional_host(1)? {
        Some(host) => host.all(),
        None => {
            let shape = job.attributes.integers("shape")?.ok_or("names no shape")?;
            shape
                .iter()
                .map(|&extent| Number::constant(extent as f64))
                .collect()
        }
    };
    let keeps_zero = job.attributes.integer("allowzero", 0)? != 0;
    let mut dims: Vec<Option<Extents>> = Vec::with_capacity(wanted.len());
    for (axis, number) in wanted.iter().enumerate() {
        dims.push(match number.fixed() {
            Some(-1.0) => None,
            Some(0.0) if !keeps_zero => {
                Some(*pixels.dims.get(axis).ok_or("keeps an axis that is not there")?)
            }
            _ => Some(extents(number)?),
        });
    }
    if dims.iter().filter(|extents| extents.is_none()).count() > 1 {
        return Err("leaves two extents open".into());
    }
    let mut rest = [1; PROBES];
    for (probe, rest) in rest.iter_mut().enumerate() {
        let all = product(pixels.dims.iter(), probe)?;
        let known = product(dims.iter().flatten(), probe)?;
        *rest = all.checked_div(known).unwrap_or(0);
    }
    let dims = dims.into_iter().map(|extents| extents.unwrap_or(rest)).collect();
    seen_as(pixels, dims)
}

fn flatten(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    let axis = axis_of(job.attributes.integer("axis", 1)?, pixels.rank() + 1)?;
    let product =
        |dims: &[Extents]| std::array::from_fn(|probe| dims.iter().map(|extents| extents[probe]).product());
    let dims = vec![product(&pixels.dims[..axis]), product(&pixels.dims[axis..])];
    seen_as(pixels, dims)
}

fn squeeze(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    let axes = axes(&job.attributes, job.optional_host(1)?.as_ref())?;
    let dims = squeezed(&pixels.dims, axes.as_deref(), |extents| *extents == [1; PROBES])?;
    seen_as(pixels, dims)
}

fn unsqueeze(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    let axes = axes(&job.attributes, job.optional_host(1)?.as_ref())?.ok_or("names no axes")?;
    if pixels.rank() == 4 && axes.len() == 1 && axis_of(axes[0], 5)? == 0 {
        return Ok(vec![Value::Stack(vec![pixels])]);
    }
    let dims = unsqueezed(&pixels.dims, &axes, [1; PROBES])?;
    seen_as(pixels, dims)
}

fn concat(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let count = job.node.input.len();
    let axis = job.attributes.integer("axis", 1)?;
    if job.stack(0).is_some() {
        let mut all = Vec::new();
        for index in 0..count {
            all.extend(
                job.stack(index)
                    .ok_or("joins tensors of five and of other numbers of axes")?,
            );
        }
        if all.len() > MOST_PARTS {
            return Err(format!(
                "joins {} tensors; at most {MOST_PARTS} are joined",
                all.len()
            ));
        }
        return match axis_of(axis, 5)? {
            0 => Ok(vec![Value::Stack(all)]),
            axis => Err(format!("joins tensors of five axes along axis {axis}")),
        };
    }
    let mut inputs = Vec::with_capacity(count);
    let mut dims: Option<Vec<Extents>> = None;
    for index in 0..count {
        let part = match job.is_host(index) {
            true => {
                let host = job.host(index)?;
                if host.length() == 0 {
                    continue;
                }
                let shape: [usize; 4] = host.dims[..]
                    .try_into()
                    .map_err(|_| "joins numbers of another number of axes")?;
                Pixels {
                    node: constant(job, index, &shape)?,
                    dims: host.dims.iter().map(|&dim| [dim; PROBES]).collect(),
                }
            }
            false => job.pixels(index)?,
        };
        let along = axis_of(axis, part.rank())?;
        inputs.push(job.importer.own_shape(&part)?);
        dims = Some(match dims {
            None => part.dims,
            Some(mut dims) if dims.len() == part.rank() => {
                dims[along] = std::array::from_fn(|probe| dims[along][probe] + part.dims[along][probe]);
                dims
            }
            Some(_) => return Err("joins tensors of different numbers of axes".into()),
        });
    }
    let dims = dims.ok_or("joins nothing")?;
    let node = match inputs[..] {
        [only] => only,
        _ => {
            let axis = axis_of(axis, dims.len())? + 4 - dims.len();
            job.add(ops::Concat { axis }, &inputs)?
        }
    };
    Ok(vec![Value::Pixels(Pixels { node, dims })])
}

/// One pixel for all: what has an extent of 1 repeated to another's.
fn expand(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    let wanted = job.host(1)?.all();
    let missing = wanted.len().saturating_sub(pixels.rank());
    let own = [vec![[1; PROBES]; missing], pixels.dims.clone()].concat();
    let offset = own.len() - wanted.len();
    let mut dims = own.clone();
    for (axis, number) in wanted.iter().enumerate() {
        let extents = extents(number)?;
        if dims[axis + offset] == [1; PROBES] {
            dims[axis + offset] = extents;
        } else if extents != [1; PROBES] && extents != dims[axis + offset] {
            return Err(format!(
                "repeats an extent of {} to {}",
                own[axis + offset][0],
                extents[0]
            ));
        }
    }
    if dims == own {
        return seen_as(pixels, dims);
    }
    let only_pixels = dims.len() == 4 && dims[..2] == own[..2] && own[2..] == [[1; PROBES]; 2];
    if !only_pixels {
        return Err("repeats what is not one pixel for all".into());
    }
    let node = job.importer.own_shape(&Pixels {
        node: pixels.node,
        dims: own,
    })?;
    let size = [2, 3].map(|axis: usize| Number {
        at: dims[axis].map(|extent| extent as f64),
        origin: wanted[axis - offset].origin,
    });
    let (size, like) = match crate::onnx::sizes::node_of_size(job.importer.all_shapes(), &size) {
        Some(like) => (ResizeSize::Like, Some(like)),
        None => match size.map(|number| number.fixed()) {
            [Some(rows), Some(columns)] => (ResizeSize::Exactly([rows as usize, columns as usize]), None),
            _ => {
                return Err("has a size that follows from the input's in a way that is not supported".into());
            }
        },
    };
    let inputs: Vec<NodeId> = [Some(node), like].into_iter().flatten().collect();
    let mode = Resampling::NEAREST;
    let node = job.add(ops::Resize { mode, size }, &inputs)?;
    Ok(vec![job.of_node(node)])
}

fn pad(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    let rank = pixels.rank();
    let pads = match job.optional_host(1)? {
        Some(host) => host.all(),
        None => {
            let pads = job.attributes.integers("pads")?.ok_or("names no pads")?;
            pads.iter().map(|&pad| Number::constant(pad as f64)).collect()
        }
    };
    let axes = match job.optional_host(3)? {
        Some(host) => host
            .fixed_integers()?
            .iter()
            .map(|&axis| axis_of(axis, rank))
            .collect::<Result<Vec<_>, _>>()?,
        None => (0..rank).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return Err(format!("has {} pads for {} axes", pads.len(), axes.len()));
    }
    if pads.iter().all(|number| number.fixed() == Some(0.0)) {
        return Ok(vec![Value::Pixels(pixels)]);
    }
    let fixed = pads
        .iter()
        .map(|number| number.fixed().map(|pad| pad as i64))
        .collect::<Option<Vec<i64>>>();
    let fixed =
        fixed.ok_or("has margins that follow from the input's size in a way that is not supported")?;
    let mut around = vec![[0i64; 2]; rank];
    for (index, &axis) in axes.iter().enumerate() {
        around[axis] = [fixed[index], fixed[index + axes.len()]];
    }
    let value = match job.optional_host(2)? {
        Some(host) => host.scalar()? as f32,
        None => job.attributes.float("value", 0.0)?,
    };
    let mode = match job.attributes.text("mode", "constant")? {
        "constant" => PadMode::Constant(value),
        "edge" => PadMode::Replicate,
        "reflect" => PadMode::Reflect,
        other => return Err(format!("pads by `{other}`, which is not supported")),
    };
    // A negative margin cuts.
    let cut: Vec<Cut> = around
        .iter()
        .enumerate()
        .filter(|(_, [before, after])| *before < 0 || *after < 0)
        .map(|(axis, [before, after])| Cut {
            axis,
            start: Number::constant(before.min(&0).unsigned_abs() as f64),
            end: match after.min(&0) {
                0 => Number::constant(1e15),
                after => Number::constant(*after as f64),
            },
            step: 1,
        })
        .collect();
    let pixels = window(job, &pixels, &cut)?;
    let around: Vec<[usize; 2]> = around
        .iter()
        .map(|pair| pair.map(|margin| margin.max(0) as usize))
        .collect();
    if around.iter().all(|pair| *pair == [0, 0]) {
        return Ok(vec![Value::Pixels(pixels)]);
    }
    let padded = [vec![[0, 0]; 4usize.saturating_sub(rank)], around.clone()].concat();
    let [[0, 0], [0, 0], [top, bottom], [left, right]] = padded[..] else {
        return Err("pads samples or channels, which is not supported".into());
    };
    let input = job.importer.own_shape(&pixels)?;
    let margins = PadMargins::Fixed(Margins {
        top,
        bottom,
        left,
        right,
    });
    let node = job.add(ops::Pad { mode, margins }, &[input])?;
    Ok(vec![job.of_node_ranked(node, rank)?])
}

fn block(job: &Job<'_, '_>) -> Result<usize, String> {
    let block = job.attributes.integer("blocksize", 0)?;
    usize::try_from(block)
        .ok()
        .filter(|&block| block > 0)
        .ok_or_else(|| format!("has blocks of {block}"))
}

fn depth_to_space(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let (input, _) = job.image(0)?;
    let order = match job.attributes.text("mode", "DCR")? {
        "DCR" => BlockOrder::DepthFirst,
        "CRD" => BlockOrder::ColumnFirst,
        other => return Err(format!("has the mode `{other}`, which is not known")),
    };
    let block = block(job)?;
    let node = job.add(ops::DepthToSpace { block, order }, &[input])?;
    Ok(vec![job.of_node(node)])
}

fn space_to_depth(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let (input, _) = job.image(0)?;
    let block = block(job)?;
    let node = job.add(ops::SpaceToDepth { block }, &[input])?;
    Ok(vec![job.of_node(node)])
}
