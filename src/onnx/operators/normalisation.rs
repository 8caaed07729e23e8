//! Normalisations.

use std::sync::Arc;

use super::List;
use crate::graph::ParameterId;
use crate::graph::ops::{self, NormGroups};
use crate::onnx::host::Host;
use crate::onnx::import::{Pixels, Value};
use crate::onnx::job::Job;

pub(super) const LIST: List = &[
    ("BatchNormalization", fixed_statistics),
    ("InstanceNormalization", instance),
    ("GroupNormalization", group),
    ("LayerNormalization", layer),
];

/// `γ (x − μ) / √(σ² + ε) + β` of known μ and σ²: a scale and a shift.
fn fixed_statistics(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    if job.attributes.integer("training_mode", 0)? != 0
        || job.node.output.iter().skip(1).any(|name| !name.is_empty())
    {
        return Err("is in training mode; export the network after model.eval()".into());
    }
    let (input, shapes) = job.image(0)?;
    let channels = shapes[0].c;
    let epsilon = f64::from(job.attributes.float("epsilon", 1e-5)?);
    let numbers = |index: usize| -> Result<Arc<Vec<f32>>, String> {
        let values = job.host(index)?.weights()?;
        match values.len() == channels {
            true => Ok(values),
            false => Err(format!(
                "has {} numbers in input {index} for {channels} channels",
                values.len()
            )),
        }
    };
    let (gamma, beta, mean, variance) = (numbers(1)?, numbers(2)?, numbers(3)?, numbers(4)?);
    let scale: Vec<f64> = gamma
        .iter()
        .zip(variance.iter())
        .map(|(gamma, variance)| f64::from(*gamma) / (f64::from(*variance) + epsilon).sqrt())
        .collect();
    let shift = beta
        .iter()
        .zip(mean.iter())
        .zip(&scale)
        .map(|((beta, mean), scale)| (f64::from(*beta) - f64::from(*mean) * scale) as f32);
    let shift = shift.collect();
    let scale = scale.into_iter().map(|scale| scale as f32).collect();
    let op = ops::Affine {
        scale: job.made_parameter("scale", &[channels], scale)?,
        shift: job.made_parameter("shift", &[channels], shift)?,
    };
    let node = job.add(op, &[input])?;
    Ok(vec![Value::Pixels(Pixels { node, ..pixels })])
}

/// A norm's γ or β: none if it changes nothing.
fn learnt(
    job: &mut Job<'_, '_>,
    index: usize,
    purpose: &'static str,
    repeated: usize,
) -> Result<Option<ParameterId>, String> {
    let host = job.host(index)?;
    let values = host.weights()?;
    let neutral = if purpose == "scale" { 1.0 } else { 0.0 };
    if values.iter().all(|value| *value == neutral) {
        return Ok(None);
    }
    let each: Vec<f32> = values.iter().flat_map(|value| vec![*value; repeated]).collect();
    let length = each.len();
    let name = job.input_name(index);
    let id = match repeated {
        1 => job.parameter(index, "", &[length])?,
        _ => job.importer.parameter(name, purpose, &[length], Arc::new(each))?,
    };
    Ok(Some(id))
}

fn instance(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    let epsilon = job.attributes.float("epsilon", 1e-5)?;
    let count = job.host(1)?.length();
    let channels = pixels.dims.get(1).map_or(0, |extents| extents[0]);
    if count == 0 || channels != count || pixels.dims[1].iter().any(|&extent| extent != channels) {
        return Err(format!("has {count} scales for {channels} channels"));
    }
    // The exporters write a group norm as one over [samples, groups, all the rest].
    let shapes = job.importer.shapes(pixels.node);
    let of_groups = shapes
        .iter()
        .enumerate()
        .all(|(probe, shape)| pixels.dims[0][probe] == shape.n && shape.c % count == 0);
    if !of_groups {
        return Err("normalises what is neither channels nor groups of them".into());
    }
    let width = shapes[0].c / count;
    let op = ops::GroupNorm {
        groups: match width {
            1 => NormGroups::Instance,
            _ => NormGroups::Groups(count),
        },
        scale: learnt(job, 1, "scale", width)?,
        shift: learnt(job, 2, "shift", width)?,
        epsilon,
    };
    let node = job.add(op, &[pixels.node])?;
    Ok(vec![Value::Pixels(Pixels { node, ..pixels })])
}

fn group(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    let (input, shapes) = job.image(0)?;
    let groups = job.attributes.integer("num_groups", 0)?;
    let channels = shapes[0].c;
    let groups = usize::try_from(groups)
        .ok()
        .filter(|&groups| groups > 0 && channels % groups == 0)
        .ok_or_else(|| format!("has {groups} groups for {channels} channels"))?;
    // One for each group in opset 18, one for each channel from 21 on.
    let repeated = |host: &Host| channels / host.length().max(1);
    let (scales, shifts) = (repeated(&job.host(1)?), repeated(&job.host(2)?));
    let op = ops::GroupNorm {
        groups: match groups == channels {
            true => NormGroups::Instance,
            false => NormGroups::Groups(groups),
        },
        scale: learnt(job, 1, "scale", scales)?,
        shift: learnt(job, 2, "shift", shifts)?,
        epsilon: job.attributes.float("epsilon", 1e-5)?,
    };
    let node = job.add(op, &[input])?;
    Ok(vec![Value::Pixels(Pixels { node, ..pixels })])
}

fn layer(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    let axis = job.attributes.integer("axis", -1)?;
    if axis != -1 && axis + 1 != pixels.rank() as i64 {
        return Err(format!(
            "normalises from axis {axis} on; the last axis alone is supported"
        ));
    }
    let input = job.importer.own_shape(&pixels)?;
    let op = ops::LayerNorm {
        scale: learnt(job, 1, "scale", 1)?,
        shift: match job.has(2) {
            true => learnt(job, 2, "shift", 1)?,
            false => None,
        },
        epsilon: job.attributes.float("epsilon", 1e-5)?,
    };
    let node = job.add(op, &[input])?;
    Ok(vec![Value::Pixels(Pixels { node, ..pixels })])
}
