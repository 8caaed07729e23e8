//! ONNX files that hold what is no network that can be attacked: each is refused in one line that says what was found.

use std::time::{Duration, Instant};

use asma::Shape;
use asma::model::{Model, ModelOptions};

use crate::protobuf::{
    FLOAT, INT64, Message, Network, external, float, floats, int, integers, ints, node, ones, tensor, text,
    value,
};
use crate::support::refusal;

pub fn read(bytes: &[u8]) -> asma::Result<Model> {
    let started = Instant::now();
    let model = Model::from_onnx("given.onnx", bytes, &ModelOptions::default());
    let took = started.elapsed();
    assert!(took < Duration::from_secs(20), "took {took:?}");
    model
}

/// Checks that a network is refused with words that hold all of these.
#[track_caller]
pub fn refused(network: &Network, words: &[&str]) {
    let text = refusal("given.onnx".as_ref(), read(&network.file()));
    for word in words {
        assert!(text.contains(word), "no `{word}` in: {text}");
    }
    assert!(text.len() < 1500, "long: {text}");
}

/// The network of one node.
pub fn one(kind: &str, more_inputs: &[&str], attributes: &[Message], tensors: &[Message]) -> Network {
    let inputs = [&["x"], more_inputs].concat();
    Network::new(&[node(kind, &inputs, &["y"], attributes)], tensors)
}

#[test]
fn the_networks_of_these_tests_are_sound_where_nothing_is_wrong_with_them() {
    let network = one(
        "Conv",
        &["w"],
        &[ints("pads", &[1, 1, 1, 1])],
        &[ones("w", &[2, 2, 3, 3])],
    );
    let model = read(&network.file()).unwrap();
    assert_eq!(
        model.graph.output_shape(Shape::new(1, 2, 9, 7)).unwrap(),
        Shape::new(1, 2, 9, 7)
    );
}

#[test]
fn networks_that_cannot_be_computed_are_refused() {
    let circle = Network::new(
        &[
            node("Add", &["x", "b"], &["a"], &[]),
            node("Relu", &["a"], &["b"], &[]),
            node("Relu", &["b"], &["y"], &[]),
        ],
        &[],
    );
    refused(&circle, &["depends on itself"]);
    refused(
        &Network::new(&[node("Relu", &["nothing"], &["y"], &[])], &[]),
        &["the Relu", "`nothing`", "nothing in the file computes"],
    );
    let twice = [
        node("Relu", &["x"], &["y"], &[]),
        node("Abs", &["x"], &["y"], &[]),
    ];
    refused(&Network::new(&twice, &[]), &["computes `y` twice"]);
    refused(
        &one("Relu", &[], &[], &[ones("w", &[1]), ones("w", &[1])]),
        &["two tensors called `w`"],
    );
    refused(&one("Add", &["y"], &[], &[]), &["depends on itself"]);
    refused(&Network::new(&[], &[]), &["no output of rows and columns"]);
    refused(
        &Network::new(&[node("Relu", &["w"], &["y"], &[])], &[ones("w", &[1, 2, 8, 8])]),
        &["`the Relu`"],
    );
}

#[test]
fn opsets_that_are_not_known_are_refused() {
    for opset in [-1, 0, 6, 99, i64::MAX] {
        let network = Network {
            opset,
            ..one("Relu", &[], &[], &[])
        };
        refused(&network, &[&format!("opset {opset}"), "opset_version=17"]);
    }
    let graph = Message::default();
    let text = refusal(
        "given.onnx".as_ref(),
        read(&Message::default().bytes(7, graph.0).0),
    );
    assert!(text.contains("opset"), "{text}");
}

#[test]
fn inputs_and_outputs_that_are_no_image_are_refused() {
    let relu = one("Relu", &[], &[], &[]);
    let with_inputs = |inputs: &[Message]| Network {
        inputs: inputs.to_vec(),
        ..relu.clone()
    };
    let image = value("x", &[-1, 2, -1, -1]);
    refused(
        &with_inputs(&[image.clone(), value("prompt", &[1, 4])]),
        &["2 inputs", "`x`", "`prompt`", "wrapper"],
    );
    refused(
        &with_inputs(&[value("x", &[1, 2, 8, 8, 8])]),
        &["[1, 2, 8, 8, 8]"],
    );
    refused(&with_inputs(&[value("x", &[1, 2])]), &["[1, 2]"]);
    refused(
        &with_inputs(&[value("x", &[-1, -1, -1, -1])]),
        &["how many channels"],
    );
    for dims in [
        [1, 2, 1 << 40, 1 << 40],
        [1, 1 << 60, -1, -1],
        [i64::MAX, 2, -1, -1],
    ] {
        refused(&with_inputs(&[value("x", &dims)]), &["too many pixels"]);
    }
    assert!(read(&with_inputs(&[value("x", &[1, 3, 512, 640])]).file()).is_ok());
    let no_shape = Message::default().bytes(1, "x");
    refused(
        &with_inputs(&[no_shape]),
        &["does not say the shape of its input `x`"],
    );
    let none = Network {
        outputs: vec![],
        ..relu.clone()
    };
    refused(&none, &["no output"]);
    let missing = Network {
        outputs: vec![value("z", &[])],
        ..relu.clone()
    };
    refused(&missing, &["no output of rows and columns"]);
    let options = ModelOptions {
        output: Some("z".into()),
        ..Default::default()
    };
    let text = refusal(
        "given.onnx".as_ref(),
        Model::from_onnx("given.onnx", &relu.file(), &options),
    );
    assert!(text.contains("no output `z`; there are `y`"), "{text}");
    let pooled = one("GlobalAveragePool", &[], &[], &[]);
    refused(&pooled, &["no output of rows and columns"]);
}

#[test]
fn every_node_that_is_not_supported_is_named() {
    let network = Network::new(
        &[
            node("QLinearConv", &["x", "w"], &["a"], &[]),
            node("If", &["x"], &["b"], &[]),
            node("Loop", &["a"], &["c"], &[]),
            node("ConvInteger", &["b"], &["d"], &[]),
            node("GRU", &["d"], &["e"], &[]),
            Message(node("Fused", &["x"], &["f"], &[]).bytes(7, "com.example").0),
            node("Sum", &["a", "b", "c", "d", "e", "f"], &["y"], &[]),
        ],
        &[ones("w", &[1])],
    );
    refused(
        &network,
        &[
            "6 nodes that are not supported",
            "QLinearConv (quantised arithmetic",
            "float32",
            "If (control flow",
            "`the Loop`",
            "`the ConvInteger`",
            "GRU: `the GRU`",
            "`com.example`",
        ],
    );
}

#[test]
fn convolutions_that_cannot_be_are_refused() {
    let conv = |attributes: &[Message], dims: &[i64]| one("Conv", &["w"], attributes, &[ones("w", dims)]);
    refused(&conv(&[], &[2, 2, 3, 3, 3]), &["3 axes"]);
    refused(&conv(&[], &[2, 3, 3, 3]), &["the Conv", "channels"]);
    refused(&conv(&[], &[0, 2, 3, 3]), &["the Conv"]);
    refused(&conv(&[int("group", 3)], &[3, 1, 3, 3]), &["the Conv"]);
    refused(&conv(&[int("group", 0)], &[2, 2, 3, 3]), &["0 groups"]);
    refused(&conv(&[int("group", i64::MIN)], &[2, 2, 3, 3]), &["groups"]);
    refused(&conv(&[int("group", 2)], &[3, 1, 3, 3]), &["the Conv"]);
    refused(
        &conv(&[ints("pads", &[-1, 0, 0, 0])], &[2, 2, 3, 3]),
        &["pads of [-1"],
    );
    refused(
        &conv(&[ints("pads", &[1, 1])], &[2, 2, 3, 3]),
        &["want four numbers"],
    );
    for huge in [0, -1, 1 << 30, 1 << 62, i64::MAX] {
        refused(
            &conv(&[ints("strides", &[huge, 1])], &[2, 2, 3, 3]),
            &["the Conv"],
        );
        refused(
            &conv(&[ints("dilations", &[1, huge])], &[2, 2, 3, 3]),
            &["the Conv"],
        );
        let same = [text("auto_pad", "SAME_UPPER"), ints("strides", &[huge, huge])];
        refused(&conv(&same, &[2, 2, 3, 3]), &["the Conv"]);
        if huge > 0 {
            refused(&conv(&[ints("pads", &[huge; 4])], &[2, 2, 3, 3]), &["the Conv"]);
        }
    }
    refused(&conv(&[text("auto_pad", "SOME")], &[2, 2, 3, 3]), &["`SOME`"]);
    refused(&conv(&[text("pads", "1")], &[2, 2, 3, 3]), &["pads"]);
    refused(
        &one("Conv", &["w"], &[], &[floats("w", &[2, 2, 3, 3], &[])]),
        &["`w`", "36"],
    );
    refused(&one("Conv", &[], &[], &[]), &["no input 1"]);
    refused(&one("Conv", &["x"], &[], &[]), &["input 1", "want numbers"]);
    let transposed =
        |attributes: &[Message]| one("ConvTranspose", &["w"], attributes, &[ones("w", &[2, 2, 2, 2])]);
    refused(
        &transposed(&[ints("strides", &[1 << 40, 2])]),
        &["the ConvTranspose"],
    );
    refused(&transposed(&[ints("output_shape", &[9, 9])]), &["output_shape"]);
    refused(&transposed(&[int("group", i64::MAX)]), &["the ConvTranspose"]);
    for kind in ["MaxPool", "AveragePool"] {
        refused(&one(kind, &[], &[], &[]), &["kernel_shape"]);
        refused(
            &one(kind, &[], &[ints("kernel_shape", &[1 << 50, 2])], &[]),
            &["kernel_shape"],
        );
        let strides = [ints("kernel_shape", &[2, 2]), ints("strides", &[0, 0])];
        refused(&one(kind, &[], &strides, &[]), &["stride"]);
    }
}

#[test]
fn sizes_beyond_all_measure_are_refused() {
    let huge = 1i64 << 40;
    let by_scale = [floats("scales", &[4], &[1.0, 1.0, 1e9, 1e9])];
    refused(&one("Resize", &["", "scales"], &[], &by_scale), &["the Resize"]);
    for scale in [0.0, -1.0, f32::INFINITY, 1e-9] {
        let tensors = [floats("scales", &[4], &[1.0, 1.0, scale, scale])];
        refused(&one("Resize", &["", "scales"], &[], &tensors), &["the Resize"]);
    }
    for size in [huge, 0, -1, i64::MAX] {
        let tensors = [integers("sizes", &[1, 2, size, size])];
        refused(&one("Resize", &["", "", "sizes"], &[], &tensors), &["the Resize"]);
        let tensors = [integers("shape", &[1, 2, size, size])];
        refused(&one("Reshape", &["shape"], &[], &tensors), &["the Reshape"]);
        if size > 0 {
            refused(&one("Expand", &["shape"], &[], &tensors), &["the Expand"]);
        }
    }
    let filled = |shape: &[i64]| {
        let nodes = [
            node("ConstantOfShape", &["shape"], &["c"], &[]),
            node("Add", &["x", "c"], &["y"], &[]),
        ];
        Network::new(&nodes, &[integers("shape", shape)])
    };
    refused(&filled(&[huge]), &["the ConstantOfShape"]);
    refused(&filled(&[huge, huge, huge]), &["the ConstantOfShape"]);
    refused(&filled(&[0, huge, huge]), &["the ConstantOfShape"]);
    refused(&filled(&[-1]), &["negative"]);
    refused(&filled(&[1; 64]), &["axes"]);
    let broadcast = [
        node("Mul", &["a", "b"], &["c"], &[]),
        node("Add", &["x", "c"], &["y"], &[]),
    ];
    let tensors = [ones("a", &[1 << 13, 1]), ones("b", &[1, 1 << 13])];
    refused(&Network::new(&broadcast, &tensors), &["the Mul", "67108864"]);
    let range = [
        node("Range", &["a", "b", "c"], &["r"], &[]),
        node("Add", &["x", "r"], &["y"], &[]),
    ];
    for step in [0.0, 1e-9, f32::NAN] {
        let tensors = [
            floats("a", &[], &[0.0]),
            floats("b", &[], &[1.0]),
            floats("c", &[], &[step]),
        ];
        refused(&Network::new(&range, &tensors), &["the Range"]);
    }
    // Twice as many with each node.
    let mut nodes = vec![node("Unsqueeze", &["x", "axis"], &["s0"], &[])];
    for index in 0..60 {
        let (from, to) = (format!("s{index}"), format!("s{}", index + 1));
        nodes.push(node("Concat", &[&from, &from], &[&to], &[int("axis", 0)]));
    }
    nodes.push(node("ReduceSum", &["s60", "axis"], &["y"], &[int("keepdims", 0)]));
    refused(&Network::new(&nodes, &[integers("axis", &[0])]), &["Concat"]);
    let mut nodes = vec![node("Relu", &["x"], &["s0"], &[])];
    for index in 0..60 {
        let (from, to) = (format!("s{index}"), format!("s{}", index + 1));
        nodes.push(node("Concat", &[&from, &from], &[&to], &[int("axis", 1)]));
    }
    nodes.push(node("Relu", &["s60"], &["y"], &[]));
    refused(&Network::new(&nodes, &[]), &["too many"]);
    let mut nodes = vec![node("Identity", &["w"], &["s0"], &[])];
    for index in 0..60 {
        let (from, to) = (format!("s{index}"), format!("s{}", index + 1));
        nodes.push(node("Concat", &[&from, &from], &[&to], &[int("axis", 0)]));
    }
    nodes.push(node("Add", &["x", "s60"], &["y"], &[]));
    refused(&Network::new(&nodes, &[ones("w", &[64])]), &["Concat"]);
}

#[test]
fn axes_and_numbers_out_of_range_are_refused() {
    for axis in [4, -5, i64::MAX, i64::MIN] {
        let one_axis = [integers("axes", &[axis])];
        refused(&one("ReduceSum", &["axes"], &[], &one_axis), &["names axis"]);
        refused(&one("Softmax", &[], &[int("axis", axis)], &[]), &["names axis"]);
        refused(
            &one("Gather", &["axes"], &[int("axis", 1)], &one_axis),
            &["names axis"],
        );
        refused(&one("Split", &[], &[int("axis", axis)], &[]), &["names axis"]);
        refused(&one("Concat", &["x"], &[int("axis", axis)], &[]), &["names axis"]);
        refused(
            &one("Transpose", &[], &[ints("perm", &[0, 1, 2, axis])], &[]),
            &["the Transpose"],
        );
        refused(&one("Squeeze", &["axes"], &[], &one_axis), &["names axis"]);
    }
    refused(
        &one("Transpose", &[], &[ints("perm", &[0, 1, 2, 2])], &[]),
        &["permutes"],
    );
    refused(
        &one("Squeeze", &["axes"], &[], &[integers("axes", &[1])]),
        &["not 1"],
    );
    refused(
        &one("Unsqueeze", &["axes"], &[], &[integers("axes", &[0, 0])]),
        &["twice"],
    );
    let slice = |starts: &[i64], ends: &[i64], axes: &[i64], steps: &[i64]| {
        let tensors = [
            integers("starts", starts),
            integers("ends", ends),
            integers("axes", axes),
            integers("steps", steps),
        ];
        one("Slice", &["starts", "ends", "axes", "steps"], &[], &tensors)
    };
    refused(&slice(&[0], &[9], &[2], &[2]), &["every 2th"]);
    refused(&slice(&[0], &[9], &[2], &[0]), &["the Slice"]);
    refused(&slice(&[5], &[5], &[1], &[1]), &["the Slice"]);
    refused(&slice(&[0, 0], &[1], &[1], &[1]), &["as many"]);
    refused(&slice(&[i64::MAX], &[i64::MIN], &[1], &[1]), &["the Slice"]);
    let pad =
        |pads: &[i64], attributes: &[Message]| one("Pad", &["pads"], attributes, &[integers("pads", pads)]);
    refused(&pad(&[0; 7], &[]), &["7 pads"]);
    refused(&pad(&[0, 0, i64::MAX, 0, 0, 0, i64::MAX, 0], &[]), &["the Pad"]);
    refused(&pad(&[0, 0, i64::MIN, 0, 0, 0, 0, 0], &[]), &["the Pad"]);
    refused(&pad(&[0, 1, 0, 0, 0, 1, 0, 0], &[]), &["samples or channels"]);
    refused(
        &pad(&[0, 0, 1, 1, 0, 0, 1, 1], &[text("mode", "wrap")]),
        &["`wrap`"],
    );
    refused(
        &one("DepthToSpace", &[], &[int("blocksize", 3)], &[]),
        &["the DepthToSpace"],
    );
    refused(
        &one("DepthToSpace", &[], &[int("blocksize", i64::MAX)], &[]),
        &["the DepthToSpace"],
    );
    refused(
        &one("SpaceToDepth", &[], &[int("blocksize", 0)], &[]),
        &["blocks of 0"],
    );
    refused(
        &one(
            "Split",
            &["split"],
            &[int("axis", 1)],
            &[integers("split", &[i64::MAX])],
        ),
        &["splits 2"],
    );
    let norm = |dims: &[i64]| {
        one(
            "InstanceNormalization",
            &["g", "b"],
            &[],
            &[ones("g", dims), ones("b", dims)],
        )
    };
    refused(&norm(&[3]), &["3 scales for 2 channels"]);
    refused(&norm(&[0]), &["0 scales"]);
    refused(
        &one(
            "GroupNormalization",
            &["g", "g"],
            &[int("num_groups", 0)],
            &[ones("g", &[2])],
        ),
        &["0 groups"],
    );
    refused(
        &one(
            "Clip",
            &["low", "high"],
            &[],
            &[floats("low", &[], &[f32::NAN]), ones("high", &[])],
        ),
        &["the Clip"],
    );
    refused(
        &one("LeakyRelu", &[], &[float("alpha", f32::INFINITY)], &[]),
        &["the LeakyRelu"],
    );
    refused(&one("Elu", &[], &[float("alpha", f32::NAN)], &[]), &["the Elu"]);
    // A last Cast is taken off; this one is not.
    let whole = [
        node("Cast", &["x"], &["i"], &[int("to", 7)]),
        node("Relu", &["i"], &["y"], &[]),
    ];
    refused(&Network::new(&whole, &[]), &["int64", "no gradient"]);
    refused(&one("PRelu", &["s"], &[], &[ones("s", &[5])]), &["slopes"]);
    refused(
        &one("MatMul", &["s"], &[], &[ones("s", &[5])]),
        &["two to four axes"],
    );
    refused(&one("Relu", &[], &[], &[]).but_without_inputs(), &["no input"]);
}

impl Network {
    fn but_without_inputs(mut self) -> Self {
        self.nodes = vec![node("Relu", &[], &["y"], &[])];
        self
    }
}

#[test]
fn numbers_that_are_no_weights_are_refused() {
    let conv = |weight: Message| one("Conv", &["w"], &[], &[weight]);
    let mut values = vec![1.0; 36];
    values[7] = f32::NAN;
    refused(
        &conv(floats("w", &[2, 2, 3, 3], &values)),
        &["NaN", "number 7", "`w`"],
    );
    values[7] = f32::NEG_INFINITY;
    refused(&conv(floats("w", &[2, 2, 3, 3], &values)), &["-inf", "`w`"]);
    refused(
        &conv(tensor("w", FLOAT, &[2, 2, 3, 3], &[0; 143])),
        &["`w`", "143"],
    );
    refused(&conv(tensor("w", FLOAT, &[1 << 40, 1 << 40], &[])), &["`w`"]);
    refused(&conv(tensor("w", FLOAT, &[1 << 40], &[])), &["`w`", "more than"]);
    refused(&conv(tensor("w", FLOAT, &[0, 1 << 40, 1 << 40], &[])), &["`w`"]);
    refused(&conv(tensor("w", FLOAT, &[-1], &[])), &["extent of -1"]);
    refused(&conv(tensor("w", 22, &[2], &[0; 1])), &["`w`", "float32"]);
    refused(&conv(tensor("w", 8, &[2], &[0; 1])), &["string", "`w`"]);
    refused(&conv(tensor("w", 77, &[2], &[0; 1])), &["unknown"]);
    refused(&conv(tensor("w", INT64, &[2], &[0; 15])), &["`w`", "int64"]);
    refused(
        &conv(external("w", &[2, 2, 3, 3], &[("location", "w.bin")])),
        &["`w.bin`", "no folder"],
    );
    let batch = one(
        "BatchNormalization",
        &["g", "g", "g", "v"],
        &[],
        &[ones("g", &[2]), floats("v", &[2], &[-1.0, 1.0])],
    );
    refused(&batch, &["NaN"]);
    refused(&one("Div", &["z"], &[], &[floats("z", &[], &[0.0])]), &["inf"]);
}
