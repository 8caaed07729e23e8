//! Resampling to other sizes.

use super::List;
use crate::graph::NodeId;
use crate::graph::ops::{self, Coordinates, Resampling, ResizeSize, Rounding};
use crate::onnx::axes::axis_of;
use crate::onnx::host::{Host, Number, PROBES};
use crate::onnx::import::Value;
use crate::onnx::job::Job;

pub(super) const LIST: List = &[("Resize", resize), ("Upsample", resize)];

/// The input of `scales` and that of `sizes`, which moved with the opsets.
fn given(job: &Job<'_, '_>) -> Result<(Option<Host>, Option<Host>), String> {
    let kind = job.node.op_type.as_deref().unwrap_or_default();
    if kind == "Upsample" || job.importer.file.opset < 11 {
        let scales = match job.has(1) {
            true => Some(job.host(1)?),
            false => job
                .attributes
                .floats("scales")?
                .map(|scales| Host::floats(vec![scales.len()], scales)),
        };
        return Ok((scales, None));
    }
    let filled = |index: usize| -> Result<Option<Host>, String> {
        Ok(job.optional_host(index)?.filter(|host| host.length() > 0))
    };
    Ok((filled(2)?, filled(3)?))
}

/// Rows and columns of numbers that are given for all axes, or for those that `axes` names; those of samples and
/// channels must be `stays`.
fn rows_and_columns(
    job: &Job<'_, '_>,
    host: &Host,
    stays: impl Fn(usize, &Number) -> bool,
) -> Result<[Option<Number>; 2], String> {
    let numbers = host.all();
    let axes = match job.attributes.integers("axes")? {
        Some(axes) => axes
            .iter()
            .map(|&axis| axis_of(axis, 4))
            .collect::<Result<Vec<_>, _>>()?,
        None => (0..4).collect(),
    };
    if numbers.len() != axes.len() {
        return Err(format!(
            "has {} scales or sizes for {} axes",
            numbers.len(),
            axes.len()
        ));
    }
    let mut found = [None; 2];
    for (axis, number) in axes.into_iter().zip(numbers) {
        match axis {
            2 | 3 => found[axis - 2] = Some(number),
            axis if stays(axis, &number) => {}
            axis => {
                return Err(format!(
                    "changes axis {axis}; only rows and columns can be resampled"
                ));
            }
        }
    }
    Ok(found)
}

fn mode(job: &Job<'_, '_>) -> Result<Resampling, String> {
    let old = job.node.op_type.as_deref() == Some("Upsample") || job.importer.file.opset < 11;
    let mode = job.attributes.text("mode", "nearest")?;
    let place = match old {
        true => "asymmetric",
        false => job
            .attributes
            .text("coordinate_transformation_mode", "half_pixel")?,
    };
    let rounding = match old {
        true => "floor",
        false => job.attributes.text("nearest_mode", "round_prefer_floor")?,
    };
    for name in ["antialias", "exclude_outside"] {
        if job.attributes.integer(name, 0)? != 0 {
            return Err(format!("resamples with {name}, which is not supported"));
        }
    }
    if !matches!(
        job.attributes.text("keep_aspect_ratio_policy", "stretch")?,
        "stretch"
    ) {
        return Err("keeps the aspect ratio, which is not supported".into());
    }
    let coordinates = match place {
        "half_pixel" => Coordinates::HalfPixel,
        "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
        "align_corners" => Coordinates::AlignCorners,
        "asymmetric" => Coordinates::Asymmetric,
        other => {
            return Err(format!(
                "resamples by `{mode}` at `{other}`, which is not supported"
            ));
        }
    };
    match mode {
        "nearest" => Ok(Resampling::Nearest(
            coordinates,
            match rounding {
                "floor" => Rounding::Floor,
                "ceil" => Rounding::Ceil,
                "round_prefer_floor" => Rounding::PreferFloor,
                "round_prefer_ceil" => Rounding::PreferCeil,
                other => return Err(format!("rounds to the nearest by `{other}`, which is not known")),
            },
        )),
        "linear" | "bilinear" => Ok(Resampling::Linear(coordinates)),
        other => Err(format!("resamples by `{other}`, which is not supported")),
    }
}

fn resize(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let (input, shapes) = job.image(0)?;
    let mode = mode(job)?;
    let (scales, sizes) = given(job)?;
    let from = |axis: usize, probe: usize| [shapes[probe].h, shapes[probe].w][axis];
    let (size, like): (ResizeSize, Option<NodeId>) = match (sizes, scales) {
        (Some(sizes), _) => {
            let own = |axis: usize, number: &Number| {
                (0..PROBES).all(|probe| number.at[probe] == [shapes[probe].n, shapes[probe].c][axis] as f64)
            };
            let found = rows_and_columns(job, &sizes, own)?;
            let stays = |axis: usize| Number {
                at: std::array::from_fn(|probe| from(axis, probe) as f64),
                origin: Some((input, axis + 2)),
            };
            let wanted = [found[0].unwrap_or(stays(0)), found[1].unwrap_or(stays(1))];
            by_size(
                job,
                [0, 1].map(|axis| std::array::from_fn(|probe| from(axis, probe))),
                wanted,
            )?
        }
        (None, Some(scales)) => {
            let found = rows_and_columns(job, &scales, |_, number| number.fixed() == Some(1.0))?;
            let fixed = |number: Option<Number>| number.unwrap_or(Number::constant(1.0)).fixed();
            match found.map(fixed) {
                [Some(rows), Some(columns)] => (by_scale(rows, columns)?, None),
                _ => return Err("has scales that depend on the input's size; export it with sizes".into()),
            }
        }
        (None, None) => return Err("names neither scales nor sizes".into()),
    };
    if size == ResizeSize::Factor(1) {
        return Ok(vec![job.of_node(input)]);
    }
    let inputs: Vec<NodeId> = [Some(input), like].into_iter().flatten().collect();
    let node = job.add(ops::Resize { mode, size }, &inputs)?;
    Ok(vec![job.of_node(node)])
}

fn by_scale(rows: f64, columns: f64) -> Result<ResizeSize, String> {
    if !(rows > 0.0 && columns > 0.0 && rows.is_finite() && columns.is_finite()) {
        return Err(format!("has scales of {rows} and {columns}"));
    }
    match rows == columns && rows.fract() == 0.0 && rows <= ops::MOST_SETTING as f64 {
        true => Ok(ResizeSize::Factor(rows as usize)),
        false => Ok(ResizeSize::Scale([rows as f32, columns as f32])),
    }
}

/// A size as what it is at every size of the input: so many times the input's, another node's, or always the same.
fn by_size(
    job: &Job<'_, '_>,
    from: [[usize; PROBES]; 2],
    wanted: [Number; 2],
) -> Result<(ResizeSize, Option<NodeId>), String> {
    // Taken from another node's extents, it is that node's size at all sizes of the input.
    if let Some(like) = crate::onnx::sizes::node_taken_from(job.importer.all_shapes(), &wanted) {
        return Ok((ResizeSize::Like, Some(like)));
    }
    let ratio = |axis: usize| {
        let first = wanted[axis].at[0] / from[axis][0] as f64;
        (0..PROBES)
            .all(|probe| wanted[axis].at[probe] == first * from[axis][probe] as f64)
            .then_some(first)
    };
    if let (Some(rows), Some(columns)) = (ratio(0), ratio(1))
        && rows == columns
        && rows.fract() == 0.0
        && rows >= 1.0
    {
        return Ok((by_scale(rows, columns)?, None));
    }
    if let Some(like) = crate::onnx::sizes::node_of_size(job.importer.all_shapes(), &wanted) {
        return Ok((ResizeSize::Like, Some(like)));
    }
    match wanted.map(|number| number.fixed()) {
        [Some(rows), Some(columns)] if rows >= 1.0 && columns >= 1.0 => {
            Ok((ResizeSize::Exactly([rows as usize, columns as usize]), None))
        }
        _ => Err("has a size that follows from the input's in a way that is not supported".into()),
    }
}
