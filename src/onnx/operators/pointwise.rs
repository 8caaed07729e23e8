//! Functions of each value by itself.

use super::List;
use crate::graph::ops::{self, Function, Slope, Slopes};
use crate::onnx::import::{Pixels, Value};
use crate::onnx::job::Job;

pub(super) const LIST: List = &[
    ("Relu", |job| activation(job, Slopes::Same(0.0))),
    ("LeakyRelu", |job| {
        let slope = job.attributes.float("alpha", 0.01)?;
        activation(job, Slopes::Same(slope))
    }),
    ("PRelu", learnt_slope),
    ("Clip", clip),
    ("Sigmoid", |job| function(job, Function::Sigmoid)),
    ("HardSigmoid", |job| {
        let alpha = job.attributes.float("alpha", 0.2)?;
        let beta = job.attributes.float("beta", 0.5)?;
        function(job, Function::HardSigmoid { alpha, beta })
    }),
    ("HardSwish", |job| function(job, Function::HardSwish)),
    ("Tanh", |job| function(job, Function::Tanh)),
    ("Erf", |job| function(job, Function::Erf)),
    ("Softplus", |job| function(job, Function::Softplus)),
    ("Elu", |job| {
        let alpha = job.attributes.float("alpha", 1.0)?;
        function(job, Function::Elu { alpha })
    }),
    ("Gelu", |job| {
        match job.attributes.text("approximate", "none")? {
            "none" => function(job, Function::Gelu),
            "tanh" => function(job, Function::GeluTanh),
            other => Err(format!("is approximated by `{other}`, which is not known")),
        }
    }),
    ("Swish", |job| match job.attributes.float("alpha", 1.0)? {
        1.0 => function(job, Function::Silu),
        alpha => Err(format!("has an alpha of {alpha}; 1 is supported")),
    }),
    ("Mish", |job| function(job, Function::Mish)),
    ("Softsign", |job| function(job, Function::Softsign)),
    ("Exp", |job| function(job, Function::Exp)),
    ("Log", |job| function(job, Function::Log)),
    ("Sqrt", |job| function(job, Function::Sqrt)),
    ("Abs", |job| function(job, Function::Abs)),
    ("Neg", |job| function(job, Function::Negate)),
    ("Reciprocal", |job| function(job, Function::Reciprocal)),
    ("Identity", as_it_is),
    ("Dropout", as_it_is),
    ("Cast", cast),
    ("CastLike", as_it_is),
];

/// A function of the node of the first input; the extents stay what they are.
pub(super) fn on_node(job: &mut Job<'_, '_>, op: impl Into<ops::Op>) -> Result<Vec<Value>, String> {
    let pixels = job.pixels(0)?;
    let node = job.add(op, &[pixels.node])?;
    Ok(vec![Value::Pixels(Pixels { node, ..pixels })])
}

fn function(job: &mut Job<'_, '_>, function: Function) -> Result<Vec<Value>, String> {
    on_node(job, ops::Pointwise { function })
}

fn activation(job: &mut Job<'_, '_>, slopes: Slopes) -> Result<Vec<Value>, String> {
    on_node(job, Slope { slopes })
}

fn learnt_slope(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let slopes = job.host(1)?;
    if slopes.length() == 1 {
        let slope = slopes.weights()?.first().copied().unwrap_or(0.0);
        return activation(job, Slopes::Same(slope));
    }
    let (input, shapes) = job.image(0)?;
    let channels = shapes[0].c;
    let per_channel = match slopes.dims[..] {
        [c, 1, 1] | [1, c, 1, 1] => c == channels,
        _ => false,
    };
    if !per_channel {
        return Err(format!(
            "has slopes of shape {:?}; one for all or one for each of the {channels} channels is supported",
            slopes.dims
        ));
    }
    let slopes = Slopes::Learnt(job.parameter(1, "slopes", &[channels])?);
    let node = job.add(Slope { slopes }, &[input])?;
    Ok(vec![job.of_node(node)])
}

fn clip(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    let bound = |index: usize, name: &str, default: f32| -> Result<f32, String> {
        match job.optional_host(index)? {
            Some(host) => Ok(host.scalar()? as f32),
            None => job.attributes.float(name, default),
        }
    };
    let (low, high) = (bound(1, "min", f32::MIN)?, bound(2, "max", f32::MAX)?);
    function(job, Function::Clip { low, high })
}

fn as_it_is(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    match job.stack(0) {
        Some(parts) => Ok(vec![Value::Stack(parts)]),
        None => Ok(vec![Value::Pixels(job.pixels(0)?)]),
    }
}

/// Values are float32 throughout; what makes others of them is no part of a network that can be attacked.
fn cast(job: &mut Job<'_, '_>) -> Result<Vec<Value>, String> {
    match job.attributes.integer("to", 1)? {
        1 | 10 | 11 | 16 => as_it_is(job),
        kind => {
            let kind = rten_onnx::onnx::DataType(kind as i32);
            let name = kind.name().unwrap_or("another type").to_lowercase();
            Err(format!("makes {name} of pixels, which has no gradient"))
        }
    }
}
