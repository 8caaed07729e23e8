//! How nodes name axes and parts of them: from the front or the back, by attribute or by input.

use super::attributes::Attributes;
use super::host::{Host, Number, size_dependent};

/// An axis counted from the front, of one that may be counted from the back.
pub(super) fn axis_of(axis: i64, rank: usize) -> Result<usize, String> {
    let from_front = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(from_front)
        .ok()
        .filter(|&axis| axis < rank)
        .ok_or_else(|| format!("names axis {axis} of {rank}"))
}

/// Axes by attribute (to opset 12) or input; nothing if neither is given.
pub(super) fn axes(attributes: &Attributes<'_>, input: Option<&Host>) -> Result<Option<Vec<i64>>, String> {
    match input {
        Some(host) => host.fixed_integers().map(Some),
        None => attributes.integers("axes"),
    }
}

/// Extents with `new` put in at these axes, counted in the result.
pub(super) fn unsqueezed<T: Copy>(dims: &[T], axes: &[i64], new: T) -> Result<Vec<T>, String> {
    let rank = dims.len() + axes.len();
    if rank > 16 {
        return Err(format!("makes {rank} axes; at most 16 are read"));
    }
    let axes = axes
        .iter()
        .map(|&axis| axis_of(axis, rank))
        .collect::<Result<Vec<_>, _>>()?;
    let mut rest = dims.iter().copied();
    let result: Vec<T> = (0..rank)
        .filter_map(|axis| {
            if axes.contains(&axis) {
                Some(new)
            } else {
                rest.next()
            }
        })
        .collect();
    match result.len() == rank {
        true => Ok(result),
        false => Err("names an axis twice".into()),
    }
}

/// Extents without these axes, or without all that are 1.
pub(super) fn squeezed<T: Copy>(
    dims: &[T],
    axes: Option<&[i64]>,
    is_one: impl Fn(&T) -> bool,
) -> Result<Vec<T>, String> {
    let gone: Vec<usize> = match axes {
        Some(axes) => axes
            .iter()
            .map(|&axis| axis_of(axis, dims.len()))
            .collect::<Result<_, _>>()?,
        None => (0..dims.len()).filter(|&axis| is_one(&dims[axis])).collect(),
    };
    match gone.iter().all(|&axis| is_one(&dims[axis])) {
        true => Ok((0..dims.len())
            .filter(|axis| !gone.contains(axis))
            .map(|axis| dims[axis])
            .collect()),
        false => Err("leaves out an axis that is not 1".into()),
    }
}

/// The order of axes of a transposition: the reverse if none is given.
pub(super) fn permutation(attributes: &Attributes<'_>, rank: usize) -> Result<Vec<usize>, String> {
    let Some(order) = attributes.integers("perm")? else {
        return Ok((0..rank).rev().collect());
    };
    let order = order
        .iter()
        .map(|&axis| axis_of(axis, rank))
        .collect::<Result<Vec<_>, _>>()?;
    match order.len() == rank && (0..rank).all(|axis| order.contains(&axis)) {
        true => Ok(order),
        false => Err(format!("permutes the axes to {order:?}, and there are {rank}")),
    }
}

/// Where a slice begins, how far it goes and in which steps, of one axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub axis: usize,
    pub start: Number,
    pub end: Number,
    pub step: i64,
}

/// The cuts of a slice, by attributes (to opset 9) or inputs.
pub(super) fn cuts(
    rank: usize,
    inputs: &[Option<&Host>],
    attributes: &Attributes<'_>,
) -> Result<Vec<Cut>, String> {
    let numbers = |index: usize, name: &str| -> Result<Option<Vec<Number>>, String> {
        match inputs.get(index).copied().flatten() {
            Some(host) => Ok(Some(host.all())),
            None => Ok(attributes.integers(name)?.map(|values| {
                values
                    .iter()
                    .map(|&value| Number::constant(value as f64))
                    .collect()
            })),
        }
    };
    let starts = numbers(1, "starts")?.ok_or("has no starts")?;
    let ends = numbers(2, "ends")?.ok_or("has no ends")?;
    let fixed = |values: Option<Vec<Number>>, default: &dyn Fn(usize) -> i64| -> Result<Vec<i64>, String> {
        match values {
            Some(values) => {
                let fixed = values.iter().map(|value| value.fixed().map(|value| value as i64));
                fixed.collect::<Option<Vec<_>>>().ok_or_else(size_dependent)
            }
            None => Ok((0..starts.len()).map(default).collect()),
        }
    };
    let axes = fixed(numbers(3, "axes")?, &|index| index as i64)?;
    let steps = fixed(numbers(4, "steps")?, &|_| 1)?;
    if [ends.len(), axes.len(), steps.len()]
        .iter()
        .any(|&length| length != starts.len())
    {
        return Err("has not as many starts, ends, axes and steps".into());
    }
    (0..starts.len())
        .map(|index| {
            Ok(Cut {
                axis: axis_of(axes[index], rank)?,
                start: starts[index],
                end: ends[index],
                step: steps[index],
            })
        })
        .collect()
}

/// The indices along an axis that a cut takes.
pub(super) fn cut_range(start: f64, end: f64, step: i64, extent: usize) -> (i64, usize) {
    if extent == 0 {
        return (0, 0);
    }
    let extent = extent as f64;
    let from_front = |value: f64| if value < 0.0 { value + extent } else { value };
    let (low, high): (f64, f64) = match step > 0 {
        true => (0.0, extent),
        false => (-1.0, extent - 1.0),
    };
    // What lies before the front by its own count stays there when a cut goes backwards.
    let start = from_front(start).clamp(low.max(0.0), high);
    let end = from_front(end).clamp(low, extent);
    let count = ((end - start) / step as f64).ceil().max(0.0);
    (start as i64, count as usize)
}

/// How long the parts of a split along an axis of this extent are.
pub(super) fn split_lengths(
    extent: usize,
    given: Option<&Host>,
    attributes: &Attributes<'_>,
    outputs: usize,
) -> Result<Vec<usize>, String> {
    let lengths = match given {
        Some(host) => Some(host.fixed_integers()?),
        None => attributes.integers("split")?,
    };
    let lengths = match lengths {
        Some(lengths) => lengths
            .into_iter()
            .map(|length| usize::try_from(length).map_err(|_| "has a negative length".to_string()))
            .collect::<Result<Vec<_>, _>>()?,
        None => {
            let each = extent.div_ceil(outputs.max(1));
            (0..outputs)
                .map(|part| each.min(extent.saturating_sub(part.saturating_mul(each))))
                .collect()
        }
    };
    let all = lengths
        .iter()
        .try_fold(0usize, |sum, &length| sum.checked_add(length));
    match lengths.len() == outputs && all == Some(extent) {
        true => Ok(lengths),
        false => Err(format!(
            "splits {extent} into {lengths:?}, and has {outputs} outputs"
        )),
    }
}
