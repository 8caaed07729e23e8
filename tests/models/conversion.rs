//! The one file that holds a whole network: it gives the same bits as what it was made of, and is refused where it is not
//! sound.

use std::sync::Arc;

use asma::checkpoint::Checkpoint;
use asma::cpu::CpuExecutor;
use asma::model::{ChannelOrder, Model, ModelOptions, Preprocessing, PreprocessingOptions};
use asma::network::{LoweringOptions, lower};
use asma::program::Executor;
use asma::{Shape, Tensor};

use crate::support::{file, open, refusal};

/// The logits and the input's gradient, as bits.
fn bits(model: &Model, size: [usize; 2]) -> Vec<u32> {
    let shape = Shape::new(1, model.graph.input_channels(), size[0], size[1]);
    let network = lower(&model.graph, shape, LoweringOptions::default()).unwrap();
    let program = Arc::new(network.program);
    let mut executor = CpuExecutor::new(program.clone()).unwrap();
    let image = Tensor::from_fn(shape, |_, c, y, x| ((c * 31 + y * 7 + x * 3) % 17) as f32 / 17.0);
    executor.write(network.input.buffer, image.data()).unwrap();
    executor.submit(&network.forward.collect::<Vec<_>>()).unwrap();
    let seed = network.seed.unwrap();
    let length = |place: asma::program::Place| program.buffers()[place.buffer.0].length;
    let ones: Vec<f32> = (0..length(seed)).map(|index| (index % 5) as f32 - 2.0).collect();
    executor.write(seed.buffer, &ones).unwrap();
    executor.submit(&network.adjoint.collect::<Vec<_>>()).unwrap();
    let places = [network.logits, network.gradient.unwrap()];
    let read = places.map(|place| executor.read(place.buffer, length(place)).unwrap());
    read.concat().iter().map(|value| value.to_bits()).collect()
}

/// Damages the JSON of a graph.
type Spoil = Box<dyn Fn(&mut serde_json::Value)>;

#[test]
fn a_converted_network_gives_the_same_bits_and_needs_nothing_else() {
    let options = ModelOptions {
        preprocessing: PreprocessingOptions {
            mean: Some(vec![0.25]),
            std: Some(vec![0.5]),
            ..Default::default()
        },
        ..Default::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("operators/attention.onnx", [4, 6]),
        ("operators/resize_to_another.onnx", [9, 11]),
        ("operators/channels_last.onnx", [6, 8]),
        ("operators/external.onnx", [6, 8]),
        ("operators/ends_in_softmax.onnx", [6, 8]),
        ("families/monai_residual.pth", [12, 16]),
        ("families/milesial.pth", [19, 22]),
    ];
    for (name, size) in files {
        let source = folder.path().join("source");
        std::fs::create_dir_all(&source).unwrap();
        let path = source.join(file(name).file_name().unwrap());
        std::fs::copy(file(name), &path).unwrap();
        if name.contains("external") {
            std::fs::copy(file("operators/external.data"), source.join("external.data")).unwrap();
        }
        let model = Model::open(&path, &options).unwrap();
        let converted = folder.path().join("converted.safetensors");
        model.to_checkpoint().unwrap().save(&converted).unwrap();
        std::fs::remove_dir_all(&source).unwrap();
        let read = open(&converted).unwrap();
        assert_eq!(read.name, model.name);
        assert_eq!(read.preprocessing, model.preprocessing);
        assert!(read.read_as.contains("converted from"), "{}", read.read_as);
        assert!(bits(&read, size) == bits(&model, size), "{name}: other bits");
        assert_eq!(
            read.as_published().unwrap().output(),
            model.as_published().unwrap().output()
        );
        // Once more: nothing is added or lost.
        let again = read.to_checkpoint().unwrap();
        let again = Model::from_checkpoint(&again).unwrap();
        assert!(
            bits(&again, size) == bits(&model, size),
            "{name}: other bits the second time"
        );
    }
}

/// A converted network with its metadata changed, as it is read.
fn changed(change: impl Fn(&mut serde_json::Value), preprocessing: Option<&str>) -> asma::Result<Model> {
    let model = open(file("operators/opset_11.onnx")).unwrap();
    let checkpoint = model.to_checkpoint().unwrap();
    let mut metadata = checkpoint.metadata().clone();
    let mut network: serde_json::Value = serde_json::from_str(&metadata["asma.network"]).unwrap();
    change(&mut network);
    metadata.insert("asma.network".into(), network.to_string());
    if let Some(text) = preprocessing {
        metadata.insert("asma.preprocessing".into(), text.into());
    }
    let names: Vec<String> = checkpoint.names().map(String::from).collect();
    let tensors = names
        .iter()
        .map(|name| (name.clone(), checkpoint.tensor(name).unwrap()));
    let file = tempfile::NamedTempFile::new().unwrap();
    Checkpoint::from_tensors(tensors, metadata)
        .unwrap()
        .save(file.path())
        .unwrap();
    let bytes = std::fs::read(file.path()).unwrap();
    Model::from_checkpoint(&Checkpoint::from_bytes("given.safetensors", bytes).unwrap())
}

#[test]
fn what_is_no_sound_network_is_refused() {
    use serde_json::json;
    assert!(changed(|_| {}, None).is_ok());
    let given = "given.safetensors".as_ref();
    let huge = u64::MAX / 2;
    let changes: Vec<(&str, Spoil, &str)> = vec![
        ("version", Box::new(|n| n["version"] = json!(2)), "version 2"),
        ("no version", Box::new(|n| n["version"] = json!(null)), "damaged"),
        ("text", Box::new(|n| *n = json!("text")), "damaged"),
        ("no nodes", Box::new(|n| n["nodes"] = json!([])), "no input"),
        (
            "cycle",
            Box::new(|n| n["nodes"][1]["inputs"] = json!([1])),
            "node 1",
        ),
        (
            "later",
            Box::new(|n| n["nodes"][1]["inputs"] = json!([99])),
            "node 99",
        ),
        ("output", Box::new(|n| n["output"] = json!(99)), "99"),
        (
            "published",
            Box::new(|n| n["published"] = json!(99)),
            "no node 99",
        ),
        ("tensor", Box::new(|n| n["parameters"][0] = json!("gone")), "gone"),
        (
            "operator",
            Box::new(|n| n["nodes"][1]["op"] = json!({"Warp": {}})),
            "Warp",
        ),
        (
            "channels",
            Box::new(move |n| n["nodes"][0]["op"]["Input"]["channels"] = json!(huge)),
            "channels",
        ),
        (
            "no channels",
            Box::new(|n| n["nodes"][0]["op"]["Input"]["channels"] = json!(0)),
            "channels",
        ),
        (
            "size",
            Box::new(move |n| n["nodes"][0]["op"]["Input"]["size"] = json!([0, huge])),
            "size",
        ),
        (
            "stride",
            Box::new(move |n| n["nodes"][1]["op"]["Conv2d"]["stride"] = json!([huge, huge])),
            "stride",
        ),
    ];
    for (what, change, word) in changes {
        let text = refusal(given, changed(change, None));
        assert!(text.contains(word), "{what}: no `{word}` in: {text}");
    }
    for (text, word) in [
        ("{", "preprocessing"),
        (r#"{"channel_order": "gbr"}"#, "gbr"),
        (r#"{"mean": [1, 2, 3, 4, 5]}"#, "5 numbers"),
        (r#"{"std": [0]}"#, "std"),
        (r#"{"bounds": [1, 0]}"#, "bounds"),
        (r#"{"scale": 1e99}"#, ""),
    ] {
        let problem = changed(|_| {}, Some(text)).expect_err(text).to_string();
        assert!(problem.contains(word), "no `{word}` in: {problem}");
    }
}

/// What a network of the identity is given for a pixel, by its preprocessing.
fn given(options: PreprocessingOptions, pixel: &[f32]) -> Vec<f32> {
    let model = identity(options);
    let shape = Shape::new(1, model.graph.input_channels(), 2, 2);
    assert_eq!(pixel.len(), shape.c);
    let network = lower(&model.graph, shape, LoweringOptions::default()).unwrap();
    let program = Arc::new(network.program);
    let mut executor = CpuExecutor::new(program.clone()).unwrap();
    let image = Tensor::from_fn(shape, |_, c, _, _| pixel[c]);
    executor.write(network.input.buffer, image.data()).unwrap();
    executor.submit(&network.forward.collect::<Vec<_>>()).unwrap();
    let length = program.buffers()[network.logits.buffer.0].length;
    let logits = network
        .logits
        .gather(&executor.read(network.logits.buffer, length).unwrap());
    (0..3).map(|channel| logits.at(0, channel, 1, 1)).collect()
}

fn identity(options: PreprocessingOptions) -> Model {
    try_identity(options).unwrap()
}

fn try_identity(preprocessing: PreprocessingOptions) -> asma::Result<Model> {
    use crate::protobuf::{Network, floats, node, value};
    let mut weight = vec![0.0; 9];
    (0..3).for_each(|channel| weight[channel * 4] = 1.0);
    let mut network = Network::new(
        &[node("Conv", &["x", "w"], &["y"], &[])],
        &[floats("w", &[3, 3, 1, 1], &weight)],
    );
    network.inputs = vec![value("x", &[-1, 3, -1, -1])];
    let options = ModelOptions {
        preprocessing,
        ..Default::default()
    };
    Model::from_onnx("given.onnx", &network.file(), &options)
}

#[test]
fn pixels_reach_the_network_as_its_preprocessing_says() {
    let pixel = [0.2, 0.5, 0.9];
    let plain = PreprocessingOptions::default();
    let near = |found: Vec<f32>, wanted: [f32; 3]| {
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(
                (found - wanted).abs() <= 1e-5 * wanted.abs().max(1.0),
                "{found}, want {wanted}"
            );
        }
    };
    near(given(plain.clone(), &pixel), pixel);
    let (mean, std) = (vec![0.1, 0.2, 0.3], vec![0.5, 0.25, 2.0]);
    let scaled = PreprocessingOptions {
        mean: Some(mean.clone()),
        std: Some(std.clone()),
        scale: Some(255.0),
        ..plain.clone()
    };
    let by_hand = |pixel: [f32; 3]| std::array::from_fn(|c| (255.0 * pixel[c] - mean[c]) / std[c]);
    near(given(scaled.clone(), &pixel), by_hand(pixel));
    let turned = PreprocessingOptions {
        channel_order: Some(ChannelOrder::Bgr),
        ..scaled.clone()
    };
    near(given(turned, &pixel), by_hand([0.9, 0.5, 0.2]));
    let grey = PreprocessingOptions { grey: true, ..scaled };
    near(given(grey, &[0.4]), by_hand([0.4; 3]));
    let counts = PreprocessingOptions {
        bounds: Some([-100.0, 4000.0]),
        mean: Some(vec![50.0]),
        std: Some(vec![200.0]),
        ..plain.clone()
    };
    near(
        given(counts, &pixel),
        pixel.map(|value| ((-100.0 + 4100.0 * value) - 50.0) / 200.0),
    );
    let imagenet = PreprocessingOptions {
        named: Some(Preprocessing::named("imagenet").unwrap()),
        ..plain
    };
    near(
        given(imagenet, &pixel),
        [
            (0.2 - 0.485) / 0.229,
            (0.5 - 0.456) / 0.224,
            (0.9 - 0.406) / 0.225,
        ],
    );
}

#[test]
fn preprocessing_that_cannot_be_is_refused() {
    let plain = PreprocessingOptions::default();
    let mean = |mean: &[f32]| PreprocessingOptions {
        mean: Some(mean.to_vec()),
        ..plain.clone()
    };
    let std = |std: f32| PreprocessingOptions {
        std: Some(vec![std]),
        ..plain.clone()
    };
    let bounds = |low: f32, high: f32| PreprocessingOptions {
        bounds: Some([low, high]),
        ..plain.clone()
    };
    let scale = |scale: f32| PreprocessingOptions {
        scale: Some(scale),
        ..plain.clone()
    };
    for (options, word) in [
        (mean(&[0.1, 0.2]), "2 numbers"),
        (mean(&[f32::NAN]), "NaN"),
        (std(0.0), "above 0"),
        (std(-1.0), "above 0"),
        (std(f32::INFINITY), "inf"),
        (bounds(1.0, 1.0), "the lower first"),
        (bounds(0.0, f32::INFINITY), "finite"),
        (scale(0.0), "other than 0"),
        (scale(f32::NAN), "NaN"),
        (std(1e-45), "std"),
    ] {
        let text = try_identity(options).expect_err(word).to_string();
        assert!(
            text.contains(word) && !text.contains('\n'),
            "no `{word}` in: {text}"
        );
    }
    assert!(Preprocessing::named("photos").is_err());
    assert!("rbg".parse::<ChannelOrder>().is_err());
}
