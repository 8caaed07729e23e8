//! What moves values without computing any: other extents, other orders, parts, borders.

use super::List;
use super::arithmetic::constant;
use crate::graph::NodeId;
use crate::graph::ops::{
    self, BlockOrder, Margins, Op, PadMargins, PadMode, Resampling, ResizeSize, SliceSize,
};
use crate::onnx::folding::{
    Cut, axes, axis_of, cut_range, cuts, permutation, split_lengths, squeezed, unsqueezed,
};
use crate::onnx::host::{Extents, Host, Number, PROBES};
use crate::onnx::import::{Job, Pixels, Value};
use crate::tensor::Shape;

pub(super) const LIST: List = &[
    ("Reshape", reshape),
    ("Flatten", flatten),
    ("Squeeze", squeeze),
    ("Unsqueeze", unsqueeze),
    ("Transpose", transpose),
    ("Concat", concat),
    ("Slice", slice),
    ("Split", split),
    ("Gather", gather),
    ("Expand", expand),
    ("Pad", pad),
    ("DepthToSpace", depth_to_space),
    ("SpaceToDepth", space_to_depth),
];

/// Parts that a tensor is taken apart to, or put together of.
const MOST_PARTS: usize = 4096;

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

fn product<'e>(mut extents: impl Iterator<Item = &'e Extents>, probe: usize) -> Result<usize, String> {
    extents
        .try_fold(1usize, |product, extents| product.checked_mul(extents[probe]))
        .ok_or_else(|| "has too many elements".into())
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

/// The part of an axis that a cut takes, at every size of the input.
fn part_of_axis(cut: &Cut, extents: Extents) -> Result<(usize, SliceSize, Extents), String> {
    if cut.step != 1 {
        return Err(format!("takes every {}th, which is not supported", cut.step));
    }
    let ranges: [(i64, usize); PROBES] =
        std::array::from_fn(|probe| cut_range(cut.start.at[probe], cut.end.at[probe], 1, extents[probe]));
    let begins = ranges.map(|range| range.0 as usize);
    let counts = ranges.map(|range| range.1);
    let rests: Extents = std::array::from_fn(|probe| extents[probe] - begins[probe] - counts[probe]);
    let same = |values: Extents| values.iter().all(|value| *value == values[0]);
    if !same(begins) {
        return Err("begins where the input's size says, which is not supported".into());
    }
    let size = match (rests, counts) {
        (rests, _) if rests == [0; PROBES] => SliceSize::Rest,
        (_, counts) if same(counts) => SliceSize::Exactly(counts[0]),
        (rests, _) if same(rests) => SliceSize::Less(rests[0]),
        _ => return Err("ends where the input's size says in a way that is not supported".into()),
    };
    Ok((begins[0], size, counts))
}

/// The parts of axes that cuts take.
fn window(job: &mut Job<'_, '_>, pixels: &Pixels, cuts: &[Cut]) -> Result<Pixels, String> {
    let Some(missing) = 4usize.checked_sub(pixels.rank()) else {
        return window_of_many_axes(job, pixels, cuts);
    };
    let mut dims = pixels.dims.clone();
    let (mut begin, mut size) = ([0; 4], [SliceSize::Rest; 4]);
    for cut in cuts {
        let (from, part, counts) = part_of_axis(cut, pixels.dims[cut.axis])?;
        (begin[cut.axis + missing], size[cut.axis + missing]) = (from, part);
        dims[cut.axis] = counts;
    }
    if begin == [0; 4] && size == [SliceSize::Rest; 4] {
        return Ok(pixels.clone());
    }
    let input = job.importer.own_shape(pixels)?;
    let node = job.add(ops::Slice { begin, size }, &[input])?;
    Ok(Pixels { node, dims })
}

/// The same of a tensor of more than four axes: those before the cut one count as one, and so do the last ones.
fn window_of_many_axes(job: &mut Job<'_, '_>, pixels: &Pixels, cuts: &[Cut]) -> Result<Pixels, String> {
    let mut pixels = pixels.clone();
    for cut in cuts {
        let (from, part, counts) = part_of_axis(cut, pixels.dims[cut.axis])?;
        let (before, behind) = (&pixels.dims[..cut.axis], &pixels.dims[cut.axis + 1..]);
        let alone = before.iter().all(|extents| *extents == [1; PROBES]);
        // As many axes as there are stay apart, so that what follows from the input's size is found again.
        let apart = (3 - usize::from(!alone)).min(behind.len());
        let mut groups: Vec<&[Extents]> = Vec::new();
        if !alone {
            groups.push(before);
        }
        let axis = groups.len();
        groups.push(&pixels.dims[cut.axis..=cut.axis]);
        for step in 0..apart {
            let end = if step + 1 == apart { behind.len() } else { step + 1 };
            groups.push(&behind[step..end]);
        }
        groups.resize(4, &[]);
        let mut wanted = [Shape::new(1, 1, 1, 1); PROBES];
        for (probe, shape) in wanted.iter_mut().enumerate() {
            let extent = |group: usize| product(groups[group].iter(), probe);
            *shape = Shape::new(extent(0)?, extent(1)?, extent(2)?, extent(3)?);
        }
        let input = job.importer.with_shape(pixels.node, wanted)?;
        let (mut begin, mut size) = ([0; 4], [SliceSize::Rest; 4]);
        (begin[axis], size[axis]) = (from, part);
        pixels.node = job.add(ops::Slice { begin, size }, &[input])?;
        pixels.dims[cut.axis] = counts;
    }
    Ok(pixels)
}

fn slice(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    let hosts = (0..5)
        .map(|index| job.optional_host(index).ok().flatten())
        .collect::<Vec<Option<Host>>>();
    let hosts: Vec<Option<&Host>> = hosts.iter().map(Option::as_ref).collect();
    let cuts = cuts(pixels.rank(), &hosts, &job.attributes)?;
    Ok(vec![Value::Pixels(window(job, &pixels, &cuts)?)])
}

fn of_range(axis: usize, start: usize, length: usize) -> Cut {
    Cut {
        axis,
        start: Number::constant(start as f64),
        end: Number::constant((start + length) as f64),
        step: 1,
    }
}

fn split(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    let axis = axis_of(job.attributes.integer("axis", 0)?, pixels.rank())?;
    let extents = pixels.dims[axis];
    if extents.iter().any(|&extent| extent != extents[0]) {
        return Err("splits an axis whose extent follows from the input's size".into());
    }
    let given = job.optional_host(1)?;
    let lengths = split_lengths(extents[0], given.as_ref(), &job.attributes, job.node.output.len())?;
    let mut start = 0;
    let mut parts = Vec::with_capacity(lengths.len());
    for length in lengths {
        parts.push(Value::Pixels(window(
            job,
            &pixels,
            &[of_range(axis, start, length)],
        )?));
        start += length;
    }
    Ok(parts)
}

fn gather(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    let axis = axis_of(job.attributes.integer("axis", 0)?, pixels.rank())?;
    let indices = job.host(1)?;
    let extents = pixels.dims[axis];
    if extents.iter().any(|&extent| extent != extents[0]) {
        return Err("picks from an axis whose extent follows from the input's size".into());
    }
    let places = indices
        .fixed_integers()?
        .into_iter()
        .map(|index| axis_of(index, extents[0]))
        .collect::<Result<Vec<_>, _>>()?;
    // As many runs of neighbours as there are.
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for place in places {
        match runs.last_mut() {
            Some((start, length)) if *start + *length == place => *length += 1,
            _ => runs.push((place, 1)),
        }
    }
    if runs.len() > MOST_PARTS {
        return Err(format!(
            "picks {} parts; at most {MOST_PARTS} are picked",
            runs.len()
        ));
    }
    let mut parts = Vec::with_capacity(runs.len());
    for &(start, length) in &runs {
        parts.push(window(job, &pixels, &[of_range(axis, start, length)])?);
    }
    let mut dims = pixels.dims.clone();
    dims[axis] = [indices.length(); PROBES];
    let node = match &parts[..] {
        [] => return Err("picks nothing".into()),
        [only] => only.node,
        _ => {
            let inputs = parts
                .iter()
                .map(|part| job.importer.own_shape(part))
                .collect::<Result<Vec<_>, _>>()?;
            job.add(
                ops::Concat {
                    axis: axis + 4 - pixels.rank(),
                },
                &inputs,
            )?
        }
    };
    match indices.dims.len() {
        0 => {
            dims.remove(axis);
        }
        1 => {}
        _ => return Err(format!("picks by indices of shape {:?}", indices.dims)),
    }
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
    let (size, like) = match crate::onnx::sizes::node_of_size(job.importer, &size) {
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
