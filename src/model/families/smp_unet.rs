//! The Unet of segmentation_models.pytorch (commit 5006616) on ResNet encoders: each decoder block resamples to the nearest
//! pixel, joins the encoder's features, and has two 3×3 convolutions with BatchNorm and ReLU; a 3×3 convolution at the end.
//! The encoders are torchvision's ResNets with basic blocks (18, 34) or bottlenecks (50, 101, 152).

use super::layers::{Layers, count, extent};
use super::{Built, Family};
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::graph::NodeId;
use crate::graph::ops::{Function, Op, Pointwise, Resampling, Resize, ResizeSize, Softmax};
use crate::model::Preprocessing;

pub(super) const FAMILY: Family = Family {
    name: "Unet of segmentation_models.pytorch",
    mark: "decoder.blocks.0.conv1.0.weight",
    harmless: &["encoder.fc.", "classification_head."],
    build,
};

/// What `config.json` beside the weights says that matters here.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Config {
    #[serde(rename = "_model_class")]
    model: Option<String>,
    encoder_name: Option<String>,
    activation: Option<String>,
    decoder_attention_type: Option<String>,
    decoder_interpolation: Option<String>,
}

fn config(tensors: &Checkpoint) -> Result<Option<Config>> {
    let Some(path) = tensors.path().map(|path| path.with_file_name("config.json")) else {
        return Ok(None);
    };
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Ok(None);
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| crate::error::Error::file(&path, format!("cannot be read as JSON: {error}")))
}

fn build<'c>(tensors: &'c Checkpoint) -> Result<Built<'c>> {
    let config = config(tensors)?;
    let said = config.is_some();
    let config = config.unwrap_or_default();
    let wrong =
        |what: String| Err(tensors.error(format!("{what}, which is not read; export the network to ONNX")));
    if let Some(model) = config.model.as_deref().filter(|model| *model != "Unet") {
        return wrong(format!("is of the class {model} by its config.json"));
    }
    if let Some(kind) = config.decoder_attention_type {
        return wrong(format!(
            "has attention of the kind `{kind}` in its decoder by its config.json"
        ));
    }
    if let Some(kind) = config.decoder_interpolation.filter(|kind| kind != "nearest") {
        return wrong(format!("resamples by `{kind}` in its decoder by its config.json"));
    }
    if tensors.shape_of("encoder.layer1.0.conv1.weight").is_none() {
        return wrong("has an encoder that is no ResNet".into());
    }
    let mut layers = Layers::new(tensors, extent(tensors, "encoder.conv1.weight", 1)?);
    let mut x = layers.graph.input();
    let mut features = Vec::new();
    x = convolved(&mut layers, ["encoder.conv1", "encoder.bn1"], x, 2)?;
    x = layers.activation("encoder.relu", x, 0.0)?;
    features.push(x);
    x = layers.max_pool("encoder.maxpool", x, 3, 2, 1)?;
    let mut blocks = Vec::new();
    for layer in 1..=4 {
        let count = count(tensors, |block| {
            format!("encoder.layer{layer}.{block}.conv1.weight")
        });
        blocks.push(count);
        for block in 0..count {
            let stride = if layer > 1 && block == 0 { 2 } else { 1 };
            x = residual(&mut layers, &format!("encoder.layer{layer}.{block}"), x, stride)?;
        }
        features.push(x);
    }
    features.pop();
    let steps = count(tensors, |block| format!("decoder.blocks.{block}.conv1.0.weight"));
    for step in 0..steps {
        let name = format!("decoder.blocks.{step}");
        let skip = features.pop();
        let resized = Resize {
            mode: Resampling::NEAREST,
            size: ResizeSize::Like,
        };
        // Without a skip, to the input's own size.
        let like = skip.unwrap_or(layers.graph.input());
        x = layers.other(&format!("{name}.interpolate"), resized, &[x, like])?;
        if let Some(skip) = skip {
            x = layers.concat(&format!("{name}.cat"), [x, skip])?;
        }
        for part in ["conv1", "conv2"] {
            let convolution = format!("{name}.{part}.0");
            x = convolved(&mut layers, [&convolution, &format!("{name}.{part}.1")], x, 1)?;
            x = layers.activation(&format!("{name}.{part}.2"), x, 0.0)?;
        }
    }
    let logits = layers.convolution("segmentation_head.0", x, [1, 1])?;
    let last: Option<Op> = match config.activation.as_deref() {
        None | Some("identity") => None,
        Some("sigmoid") => Some(
            Pointwise {
                function: Function::Sigmoid,
            }
            .into(),
        ),
        Some("softmax" | "softmax2d") => Some(Softmax { axis: 1 }.into()),
        Some(other) => return wrong(format!("ends in the activation `{other}` by its config.json")),
    };
    let published = match last {
        Some(op) => layers.other("activation", op, &[logits])?,
        None => logits,
    };
    let encoder = config.encoder_name.unwrap_or_else(|| {
        let basic = tensors.shape_of("encoder.layer1.0.conv3.weight").is_none();
        match (basic, &blocks[..]) {
            (true, [2, 2, 2, 2]) => "resnet18".into(),
            (true, [3, 4, 6, 3]) => "resnet34".into(),
            (false, [3, 4, 6, 3]) => "resnet50".into(),
            (false, [3, 4, 23, 3]) => "resnet101".into(),
            _ => format!("a ResNet of {blocks:?} blocks"),
        }
    });
    let channels = layers.graph.input_channels();
    let mut built = Built::new(layers, logits, encoder);
    built.published = published;
    if published != logits {
        built
            .remarks
            .push("the logits before its final activation are taken".into());
    }
    built.remarks.push(match said {
        true => "config.json read".into(),
        false => "no config.json beside it, no final activation assumed".to_string(),
    });
    if channels == 3 {
        built.preprocessing = Preprocessing::named("imagenet")?;
        built.notes.push(
            "the encoder's ImageNet mean and deviation are assumed; say `normalise=unit` if it was trained without".into(),
        );
    }
    Ok(built)
}

/// A convolution and the norm behind it.
fn convolved(
    layers: &mut Layers<'_>,
    [convolution, norm]: [&str; 2],
    x: NodeId,
    stride: usize,
) -> Result<NodeId> {
    let x = layers.convolution(convolution, x, [stride; 2])?;
    match layers.has(&format!("{norm}.running_mean")) {
        true => layers.norm(norm, x),
        false => Ok(x),
    }
}

/// A residual block: two 3×3 convolutions, or a bottleneck of three.
fn residual(layers: &mut Layers<'_>, name: &str, x: NodeId, stride: usize) -> Result<NodeId> {
    let bottleneck = layers.has(&format!("{name}.conv3.weight"));
    let (count, strided) = if bottleneck { (3, 2) } else { (2, 1) };
    let mut y = x;
    for index in 1..=count {
        let stride = if index == strided { stride } else { 1 };
        let (convolution, norm) = (format!("{name}.conv{index}"), format!("{name}.bn{index}"));
        y = convolved(layers, [&convolution, &norm], y, stride)?;
        if index < count {
            y = layers.activation(&format!("{name}.relu{index}"), y, 0.0)?;
        }
    }
    let shortcut = format!("{name}.downsample");
    let around = match layers.has(&format!("{shortcut}.0.weight")) {
        true => convolved(
            layers,
            [&format!("{shortcut}.0"), &format!("{shortcut}.1")],
            x,
            stride,
        )?,
        false => x,
    };
    let sum = layers.sum(&format!("{name}.sum"), [y, around])?;
    layers.activation(name, sum, 0.0)
}
