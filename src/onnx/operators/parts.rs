//! Parts of tensors: slices, splits, chosen places.

use super::List;
use crate::graph::ops::{self, SliceSize};
use crate::onnx::axes::{Cut, axis_of, cut_range, cuts, split_lengths};
use crate::onnx::host::{Extents, Host, Number, PROBES};
use crate::onnx::import::{Pixels, Value};
use crate::onnx::job::Job;
use crate::tensor::Shape;

pub(super) const LIST: List = &[("Slice", slice), ("Split", split), ("Gather", gather)];

/// Parts that a tensor is taken apart to, or put together of.
pub(super) const MOST_PARTS: usize = 4096;

/// Elements along these axes, at one of the input sizes.
pub(super) fn product<'e>(
    mut extents: impl Iterator<Item = &'e Extents>,
    probe: usize,
) -> Result<usize, String> {
    extents
        .try_fold(1usize, |product, extents| product.checked_mul(extents[probe]))
        .ok_or_else(|| "has too many elements".into())
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
pub(super) fn window(job: &mut Job<'_, '_>, pixels: &Pixels, cuts: &[Cut]) -> Result<Pixels, String> {
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
