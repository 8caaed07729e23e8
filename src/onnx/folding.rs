//! What the importer computes itself: nodes that read nothing of the image, such as those that follow sizes.

use super::attributes::Attributes;
use super::axes::{axes, axis_of, cut_range, cuts, permutation, split_lengths, squeezed, unsqueezed};
use super::host::{
    Host, MOST_MADE, Number, Numbers, check_made, elements, size_dependent, strided_indices, strides,
};

/// The outputs of a node all of whose inputs are numbers; nothing if no such node is computed here.
///
/// # Errors
/// If the numbers cannot be computed, in words that stand after the node's name.
pub(super) fn fold(
    kind: &str,
    inputs: &[Option<&Host>],
    attributes: &Attributes<'_>,
    outputs: usize,
) -> Option<Result<Vec<Host>, String>> {
    let input = |index: usize| -> Result<&Host, String> {
        let given = inputs.get(index).copied().flatten();
        given.ok_or_else(|| format!("has no input {index}"))
    };
    let optional = |index: usize| inputs.get(index).copied().flatten();
    let one = |host: Result<Host, String>| Some(host.map(|host| vec![host]));
    let unary = |whole: Option<bool>, function: fn(f64) -> f64| {
        one(input(0).map(|host| host.map(whole.unwrap_or(host.is_whole()), function)))
    };
    let binary = |whole: Option<bool>, function: fn(f64, f64) -> f64| {
        one(input(0).and_then(|host| {
            let other = input(1)?;
            let whole = whole.unwrap_or(host.is_whole() && other.is_whole());
            host.zip(other, whole, function)
        }))
    };
    match kind {
        "Identity" | "Dropout" => one(input(0).cloned()),
        "Add" => binary(None, |a, b| a + b),
        "Sub" => binary(None, |a, b| a - b),
        "Mul" => binary(None, |a, b| a * b),
        "Div" => one(input(0).and_then(|host| {
            let other = input(1)?;
            let whole = host.is_whole() && other.is_whole();
            host.zip(
                other,
                whole,
                move |a, b| if whole { (a / b).trunc() } else { a / b },
            )
        })),
        "Mod" => binary(None, |a, b| a - b * (a / b).floor()),
        "Pow" => one(input(0).and_then(|host| host.zip(input(1)?, host.is_whole(), f64::powf))),
        "Min" => binary(None, f64::min),
        "Max" => binary(None, f64::max),
        "Equal" => binary(Some(true), |a, b| f64::from(u8::from(a == b))),
        "Greater" => binary(Some(true), |a, b| f64::from(u8::from(a > b))),
        "GreaterOrEqual" => binary(Some(true), |a, b| f64::from(u8::from(a >= b))),
        "Less" => binary(Some(true), |a, b| f64::from(u8::from(a < b))),
        "LessOrEqual" => binary(Some(true), |a, b| f64::from(u8::from(a <= b))),
        "And" => binary(Some(true), |a, b| a * b),
        "Or" => binary(Some(true), f64::max),
        "Not" => unary(Some(true), |a| 1.0 - a),
        "Floor" => unary(None, f64::floor),
        "Ceil" => unary(None, f64::ceil),
        "Round" => unary(None, f64::round_ties_even),
        "Sqrt" => unary(None, f64::sqrt),
        "Reciprocal" => unary(None, f64::recip),
        "Neg" => unary(None, |a| -a),
        "Abs" => unary(None, f64::abs),
        "Exp" => unary(None, f64::exp),
        "Log" => unary(None, f64::ln),
        "Cast" | "CastLike" => one(input(0).and_then(|host| cast(host, kind, attributes, optional(1)))),
        "Constant" => one(attributes.constant()),
        "ConstantOfShape" => one(input(0).and_then(|host| {
            let dims = extents(host)?;
            let value = attributes
                .tensor("value")?
                .unwrap_or_else(|| Host::floats(vec![1], vec![0.0]));
            let elements = check_made(&dims, 0)?;
            value.picked(dims, &vec![0; elements])
        })),
        "Shape" => one(input(0).and_then(|host| {
            let sizes = host
                .dims
                .iter()
                .map(|&dim| Number::constant(dim as f64))
                .collect();
            part_of_shape(sizes, attributes)
        })),
        "Size" => one(input(0).map(|host| Host::integers(vec![], vec![host.length() as i64]))),
        "Gather" => one(input(0).and_then(|host| gather(host, input(1)?, attributes.integer("axis", 0)?))),
        "Concat" => one(concat(inputs, attributes)),
        "Slice" => one(input(0).and_then(|host| slice(host, inputs, attributes))),
        "Split" => Some(input(0).and_then(|host| split(host, optional(1), attributes, outputs))),
        "Reshape" => one(input(0).and_then(|host| {
            let wanted = match optional(1) {
                Some(sizes) => sizes.fixed_integers()?,
                None => attributes.integers("shape")?.unwrap_or_default(),
            };
            host.reshaped(reshaped_dims(
                &host.dims,
                &wanted,
                attributes.integer("allowzero", 0)? != 0,
            )?)
        })),
        "Flatten" => one(input(0).and_then(|host| {
            let axis = axis_of(attributes.integer("axis", 1)?, host.dims.len() + 1)?;
            let (rows, columns) = host.dims.split_at(axis);
            host.reshaped(vec![rows.iter().product(), columns.iter().product()])
        })),
        "Unsqueeze" => one(input(0).and_then(|host| {
            let axes = axes(attributes, optional(1))?.ok_or("names no axes")?;
            host.reshaped(unsqueezed(&host.dims, &axes, 1)?)
        })),
        "Squeeze" => one(input(0).and_then(|host| {
            let axes = axes(attributes, optional(1))?;
            host.reshaped(squeezed(&host.dims, axes.as_deref(), |dim| *dim == 1)?)
        })),
        "Transpose" => one(input(0).and_then(|host| {
            let order = permutation(attributes, host.dims.len())?;
            let steps = strides(&host.dims);
            let axes: Vec<(usize, usize)> =
                order.iter().map(|&axis| (host.dims[axis], steps[axis])).collect();
            host.picked(axes.iter().map(|axis| axis.0).collect(), &strided_indices(&axes))
        })),
        "Expand" => one(input(0).and_then(|host| {
            let wanted = extents(input(1)?)?;
            let dims = super::host::broadcast(&host.dims, &wanted)?;
            check_made(&dims, host.length())?;
            let indices = super::host::broadcast_indices(&host.dims, &dims);
            host.picked(dims, &indices)
        })),
        "Range" => one(range(input(0), input(1), input(2))),
        "Where" => one(choose(input(0), input(1), input(2))),
        "ReduceProd" => one(input(0).and_then(|host| {
            if host.dims.len() > 1 {
                return Err("multiplies along some axes of several, which is not supported".into());
            }
            let keep = attributes.integer("keepdims", 1)? != 0;
            let product = host
                .all()
                .into_iter()
                .fold(Number::constant(1.0), |product, value| Number {
                    at: std::array::from_fn(|probe| product.at[probe] * value.at[probe]),
                    origin: None,
                });
            let dims = vec![1; host.dims.len() * usize::from(keep)];
            Ok(Host::sizes(dims, vec![product], host.is_whole()))
        })),
        "DequantizeLinear" => {
            one(input(0).and_then(|host| dequantized(host, input(1)?, optional(2), attributes)))
        }
        _ => None,
    }
}

fn cast(host: &Host, kind: &str, attributes: &Attributes<'_>, like: Option<&Host>) -> Result<Host, String> {
    if kind == "CastLike" {
        return Ok(host.cast(like.is_some_and(Host::is_whole)));
    }
    match attributes.integer("to", 1)? {
        // float32, float16, float64, bfloat16.
        1 | 10 | 11 | 16 => Ok(host.cast(false)),
        // Booleans.
        9 => Ok(host.map(true, |value| f64::from(u8::from(value != 0.0)))),
        _ => Ok(host.cast(true)),
    }
}

/// Sizes as far as `start` and `end` (opset 15) name them.
pub(super) fn part_of_shape(sizes: Vec<Number>, attributes: &Attributes<'_>) -> Result<Host, String> {
    let rank = sizes.len() as i64;
    let bound = |value: i64| (if value < 0 { value + rank } else { value }).clamp(0, rank) as usize;
    let (start, end) = (
        bound(attributes.integer("start", 0)?),
        bound(attributes.integer("end", rank)?),
    );
    let part = sizes.get(start..end.max(start)).unwrap_or_default().to_vec();
    Ok(Host::sizes(vec![part.len()], part, true))
}

/// Numbers that are extents, none of them negative.
fn extents(host: &Host) -> Result<Vec<usize>, String> {
    let extents = host.fixed_integers()?.into_iter().map(usize::try_from);
    let extents = extents
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| "has a negative extent")?;
    elements(&extents)?;
    Ok(extents)
}

/// The extents that a reshape gives: 0 is the input's, -1 what is left.
fn reshaped_dims(from: &[usize], wanted: &[i64], allow_zero: bool) -> Result<Vec<usize>, String> {
    let all = elements(from)?;
    let mut dims = Vec::with_capacity(wanted.len());
    for (axis, &extent) in wanted.iter().enumerate() {
        dims.push(match extent {
            -1 => None,
            0 if !allow_zero => Some(*from.get(axis).ok_or("keeps an axis that is not there")?),
            extent => Some(usize::try_from(extent).map_err(|_| "has a negative extent")?),
        });
    }
    let known = elements(&dims.iter().flatten().copied().collect::<Vec<_>>())?;
    let rest = all.checked_div(known).unwrap_or(0);
    Ok(dims.into_iter().map(|extent| extent.unwrap_or(rest)).collect())
}

fn gather(host: &Host, indices: &Host, axis: i64) -> Result<Host, String> {
    let axis = axis_of(axis, host.dims.len())?;
    let extent = host.dims[axis];
    let places = indices
        .fixed_integers()?
        .into_iter()
        .map(|index| axis_of(index, extent))
        .collect::<Result<Vec<_>, _>>()?;
    let dims = [&host.dims[..axis], &indices.dims, &host.dims[axis + 1..]].concat();
    check_made(&dims, host.length().max(indices.length()))?;
    let (outer, inner): (usize, usize) = (
        host.dims[..axis].iter().product(),
        host.dims[axis + 1..].iter().product(),
    );
    let picked = (0..outer).flat_map(|block| {
        places
            .iter()
            .flat_map(move |place| (0..inner).map(move |step| (block * extent + place) * inner + step))
    });
    host.picked(dims, &picked.collect::<Vec<_>>())
}

fn concat(inputs: &[Option<&Host>], attributes: &Attributes<'_>) -> Result<Host, String> {
    let hosts: Vec<&Host> = inputs.iter().copied().flatten().collect();
    let first = hosts.first().ok_or("joins nothing")?;
    let axis = axis_of(attributes.integer("axis", 0)?, first.dims.len())?;
    let alike = |host: &&Host| {
        host.dims.len() == first.dims.len()
            && (0..host.dims.len()).all(|other| other == axis || host.dims[other] == first.dims[other])
    };
    if !hosts.iter().all(alike) {
        return Err("joins numbers of shapes that do not go together".into());
    }
    let mut dims = first.dims.clone();
    dims[axis] = hosts
        .iter()
        .try_fold(0usize, |sum, host| sum.checked_add(host.dims[axis]))
        .ok_or("joins too much")?;
    check_made(&dims, hosts.iter().map(|host| host.length()).max().unwrap_or(0))?;
    let outer: usize = dims[..axis].iter().product();
    let floats = hosts
        .iter()
        .all(|host| matches!(host.numbers, Numbers::Floats(_)));
    fn joined<T: Copy>(parts: &[Vec<T>], outer: usize) -> Vec<T> {
        (0..outer)
            .flat_map(|block| {
                parts.iter().flat_map(move |part| {
                    let length = part.len() / outer.max(1);
                    part[block * length..(block + 1) * length].iter().copied()
                })
            })
            .collect()
    }
    if floats {
        let parts = hosts
            .iter()
            .map(|host| Ok(host.weights()?.to_vec()))
            .collect::<Result<Vec<_>, String>>()?;
        return Ok(Host::floats(dims, joined(&parts, outer)));
    }
    let parts: Vec<Vec<Number>> = hosts.iter().map(|host| host.all()).collect();
    let whole = hosts.iter().all(|host| host.is_whole());
    Ok(Host::sizes(dims, joined(&parts, outer), whole))
}

fn slice(host: &Host, inputs: &[Option<&Host>], attributes: &Attributes<'_>) -> Result<Host, String> {
    let steps = strides(&host.dims);
    let mut offset = 0;
    let mut axes: Vec<(usize, i64)> = host
        .dims
        .iter()
        .zip(&steps)
        .map(|(&dim, &step)| (dim, step as i64))
        .collect();
    for cut in cuts(host.dims.len(), inputs, attributes)? {
        let bound = |number: Number| number.fixed().ok_or_else(size_dependent);
        if cut.step == 0 {
            return Err("has steps of 0".into());
        }
        let (start, count) = cut_range(bound(cut.start)?, bound(cut.end)?, cut.step, host.dims[cut.axis]);
        offset += start * steps[cut.axis] as i64;
        // Steps so long that the product does not fit take one place alone.
        axes[cut.axis] = (count, (steps[cut.axis] as i64).wrapping_mul(cut.step));
    }
    let indices = axes.iter().fold(vec![offset], |indices, &(extent, stride)| {
        let along = |index: &i64| {
            (0..extent as i64)
                .map(move |step| index + step * stride)
                .collect::<Vec<_>>()
        };
        indices.iter().flat_map(along).collect()
    });
    let indices: Vec<usize> = indices.into_iter().map(|index| index as usize).collect();
    host.picked(axes.iter().map(|axis| axis.0).collect(), &indices)
}

fn split(
    host: &Host,
    given: Option<&Host>,
    attributes: &Attributes<'_>,
    outputs: usize,
) -> Result<Vec<Host>, String> {
    let axis = axis_of(attributes.integer("axis", 0)?, host.dims.len())?;
    let lengths = split_lengths(host.dims[axis], given, attributes, outputs)?;
    let mut start = 0;
    let parts = lengths.into_iter().map(|length| {
        let places: Vec<i64> = (start..start + length).map(|place| place as i64).collect();
        start += length;
        gather(host, &Host::integers(vec![length], places), axis as i64)
    });
    parts.collect()
}

fn range(
    start: Result<&Host, String>,
    limit: Result<&Host, String>,
    step: Result<&Host, String>,
) -> Result<Host, String> {
    let whole = start.clone()?.is_whole();
    let (start, limit, step) = (start?.scalar()?, limit?.scalar()?, step?.scalar()?);
    let count = ((limit - start) / step).ceil().max(0.0);
    if count.is_nan() || count > MOST_MADE as f64 {
        return Err(format!("makes more than {MOST_MADE} numbers"));
    }
    let values = (0..count as usize).map(|index| Number::constant(start + index as f64 * step));
    let values: Vec<Number> = values.collect();
    Ok(Host::sizes(vec![values.len()], values, whole))
}

fn choose(
    condition: Result<&Host, String>,
    yes: Result<&Host, String>,
    no: Result<&Host, String>,
) -> Result<Host, String> {
    let (condition, yes, no) = (condition?, yes?, no?);
    let dims = super::host::broadcast(&condition.dims, &super::host::broadcast(&yes.dims, &no.dims)?)?;
    check_made(&dims, condition.length().max(yes.length()).max(no.length()))?;
    let of = |host: &Host| -> Vec<Number> {
        let all = host.all();
        let indices = super::host::broadcast_indices(&host.dims, &dims);
        indices.into_iter().map(|index| all[index]).collect()
    };
    let (conditions, yeses, noes) = (of(condition), of(yes), of(no));
    let values = conditions
        .iter()
        .zip(yeses.iter().zip(&noes))
        .map(|(condition, (yes, no))| {
            match condition.fixed() {
                // Where an extent comes from is kept.
                Some(value) if value != 0.0 => *yes,
                Some(_) => *no,
                None => Number {
                    at: std::array::from_fn(|probe| {
                        if condition.at[probe] != 0.0 {
                            yes.at[probe]
                        } else {
                            no.at[probe]
                        }
                    }),
                    origin: None,
                },
            }
        });
    let values = values.collect();
    Ok(Host::sizes(dims, values, yes.is_whole() && no.is_whole()))
}

/// Weights from integers: `(q − zero) · scale`, for all or for each place along an axis.
fn dequantized(
    host: &Host,
    scale: &Host,
    zero: Option<&Host>,
    attributes: &Attributes<'_>,
) -> Result<Host, String> {
    let along = |host: &Host| -> Result<Host, String> {
        if host.length() == 1 {
            return host.reshaped(vec![]);
        }
        Ok(host.clone())
    };
    let (scale, zero) = (along(scale)?, zero.map(along).transpose()?);
    let placed = |numbers: Host| -> Result<Host, String> {
        if numbers.dims.is_empty() {
            return Ok(numbers);
        }
        let axis = axis_of(attributes.integer("axis", 1)?, host.dims.len())?;
        let mut dims = vec![1; host.dims.len()];
        dims[axis] = numbers.length();
        numbers.reshaped(dims)
    };
    let shifted = match zero {
        Some(zero) => host.zip(&placed(zero)?, host.is_whole(), |value, zero| value - zero)?,
        None => host.clone(),
    };
    let scaled = shifted.zip(&placed(scale)?, false, |value, scale| value * scale)?;
    Ok(Host::floats(scaled.dims.clone(), scaled.weights()?.to_vec()))
}
