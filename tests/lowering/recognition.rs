//! The authors' family is recognised from tensors alone, and what is wrong with a checkpoint is named.

use asma::Shape;
use asma::checkpoint::{Checkpoint, WeightTensor};
use asma::model::{Model, ModelOptions, Padding, SimpleUnet};

use crate::networks::checkpoint_of;

#[test]
fn members_are_recognised_at_any_width_depth_and_number_of_classes() {
    for unet in [
        SimpleUnet::doubling(3, 4, 1, 2, Padding::Valid),
        SimpleUnet::doubling(1, 8, 2, 5, Padding::Valid),
        SimpleUnet::doubling(3, 4, 3, 2, Padding::Same),
        SimpleUnet::doubling(4, 2, 5, 1, Padding::Same),
        SimpleUnet {
            input_channels: 3,
            widths: vec![5, 7, 6],
            classes: 3,
            padding: Padding::Valid,
        },
    ] {
        let Model { name, graph, .. } = Model::from_checkpoint(&checkpoint_of(&unet, true)).unwrap();
        assert_eq!(name, unet.to_string());
        let count: usize = unet
            .tensors()
            .iter()
            .map(|(_, shape)| shape.iter().product::<usize>())
            .sum();
        assert_eq!(graph.parameter_count(), count);

        // Padding cannot be seen in the tensors; without metadata it is the authors' own.
        let Model { name, .. } = Model::from_checkpoint(&checkpoint_of(&unet, false)).unwrap();
        let wanted = SimpleUnet {
            padding: Padding::Valid,
            ..unet
        };
        assert_eq!(name, wanted.to_string());
    }
}

#[test]
fn authors_own_has_their_sizes() {
    let unet = SimpleUnet::doubling(3, 32, 5, 2, Padding::Valid);
    let graph = unet
        .build(|_, shape| Ok(vec![0.0; shape.iter().product()]))
        .unwrap();
    assert_eq!(graph.parameter_count(), 7_760_130);
    let output = graph.output_shape(Shape::new(1, 3, 572, 572)).unwrap();
    assert_eq!(output, Shape::new(1, 2, 388, 388));
}

#[test]
fn same_padding_keeps_sizes_divisible_by_the_poolings() {
    let unet = SimpleUnet::doubling(3, 2, 3, 2, Padding::Same);
    let graph = Model::from_checkpoint(&checkpoint_of(&unet, true)).unwrap().graph;
    let output = graph.output_shape(Shape::new(2, 3, 64, 96)).unwrap();
    assert_eq!(output, Shape::new(2, 2, 64, 96));
}

/// The tensors of a member, to be spoilt.
fn tensors(unet: &SimpleUnet) -> Vec<(String, WeightTensor)> {
    let filled = |shape: Vec<usize>| {
        let data = vec![0.5; shape.iter().product()];
        WeightTensor::new(shape, data).unwrap()
    };
    unet.tensors()
        .into_iter()
        .map(|(name, shape)| (name, filled(shape)))
        .collect()
}

fn problem(tensors: Vec<(String, WeightTensor)>) -> String {
    let checkpoint = Checkpoint::from_tensors(tensors, Vec::<(String, String)>::new()).unwrap();
    let text = Model::from_checkpoint(&checkpoint)
        .expect_err("a refusal")
        .to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

#[test]
fn missing_tensor_is_named() {
    let unet = SimpleUnet::doubling(3, 4, 3, 2, Padding::Valid);
    for name in [
        "conv2_block.2.bias",
        "up_1.weight",
        "conv_up_2.0.weight",
        "conv_final.bias",
    ] {
        let mut spoilt = tensors(&unet);
        spoilt.retain(|(found, _)| found != name);
        let text = problem(spoilt);
        assert!(text.contains(name), "{name}: {text}");
    }
}

#[test]
fn surplus_tensor_is_named() {
    let unet = SimpleUnet::doubling(3, 4, 2, 2, Padding::Valid);
    let mut spoilt = tensors(&unet);
    spoilt.push((
        "conv1_block.1.running_mean".into(),
        WeightTensor::new(vec![4], vec![0.0; 4]).unwrap(),
    ));
    let text = problem(spoilt);
    assert!(text.contains("conv1_block.1.running_mean"), "{text}");
}

/// The same tensors, each renamed.
fn renamed(tensors: &[(String, WeightTensor)], name: impl Fn(&str) -> String) -> Vec<(String, WeightTensor)> {
    tensors
        .iter()
        .map(|(old, tensor)| (name(old), tensor.clone()))
        .collect()
}

fn number(name: &str) -> (String, WeightTensor) {
    (name.into(), WeightTensor::new(vec![1], vec![7.0]).unwrap())
}

fn read(tensors: Vec<(String, WeightTensor)>) -> asma::Result<Model> {
    let none = Vec::<(String, String)>::new();
    Model::from_checkpoint(&Checkpoint::from_tensors(tensors, none).unwrap())
}

#[test]
fn one_prefix_is_taken_off_and_said() {
    let unet = SimpleUnet::doubling(3, 4, 3, 2, Padding::Valid);
    let own = tensors(&unet);
    for prefix in [
        "module.",
        "_orig_mod.",
        "model.",
        "net.",
        "state_dict.",
        "network_weights.",
        "module._orig_mod.",
    ] {
        let model = read(renamed(&own, |name| format!("{prefix}{name}"))).unwrap();
        assert_eq!(model.name, unet.to_string());
        assert!(
            model.description().contains(&format!("the prefix `{prefix}`")),
            "{}",
            model.description()
        );
    }
    assert!(!read(own.clone()).unwrap().description().contains("prefix"));
    // Two networks: nobody can know which is meant.
    let mut two = renamed(&own, |name| format!("model.{name}"));
    two.extend(renamed(&own, |name| format!("ema.{name}")));
    let text = problem(two);
    assert!(
        text.contains("several times") && text.contains("`ema.`") && text.contains("`model.`"),
        "{text}"
    );
    // A prefix before some names alone.
    let mut some = renamed(&own[..4], |name| format!("model.{name}"));
    some.extend_from_slice(&own[4..]);
    let text = problem(some);
    assert!(text.contains(&own[4].0), "{text}");
    // Not a part of a name.
    let text = problem(renamed(&own, |name| format!("my{name}")));
    assert!(text.contains("no known network"), "{text}");
}

#[test]
fn the_state_of_a_training_is_left_out_and_said() {
    let unet = SimpleUnet::doubling(3, 4, 2, 2, Padding::Valid);
    let own = tensors(&unet);
    let strangers = [
        "conv1_block.1.num_batches_tracked",
        "optimizer.state.0.exp_avg",
        "optimizer.state.0.step",
        "n_averaged",
    ];
    for prefix in ["", "model."] {
        let mut with_state = renamed(&own, |name| format!("{prefix}{name}"));
        with_state.extend(strangers.map(number));
        let model = read(with_state).unwrap();
        assert_eq!(
            model.graph.parameter_count(),
            own.iter().map(|(_, tensor)| tensor.data.len()).sum::<usize>()
        );
        for part in ["left out 4 tensors", "`n_averaged`", "`optimizer.state.0.step`"] {
            assert!(model.description().contains(part), "{}", model.description());
        }
    }
    // This tool's own state of a training holds the network too.
    let mut state = own.clone();
    for prefix in ["first_moment.", "second_moment."] {
        state.extend(renamed(&own, |name| format!("{prefix}{name}")));
    }
    assert_eq!(read(state).unwrap().name, unet.to_string());
    // Weights of another layer are no such state.
    let mut surplus = own;
    surplus.push(number("auxiliary.weight"));
    assert!(problem(surplus).contains("auxiliary.weight"));
}

#[test]
fn padding_is_the_files_or_the_users_or_assumed() {
    let unet = SimpleUnet::doubling(3, 4, 2, 2, Padding::Same);
    let (said, unsaid) = (checkpoint_of(&unet, true), checkpoint_of(&unet, false));
    let read = |checkpoint: &Checkpoint, padding: Option<Padding>| {
        let options = ModelOptions {
            padding,
            ..Default::default()
        };
        Model::with_options(checkpoint, &options).map(|model| {
            let padding = model.metadata().unwrap()["padding"].parse().unwrap();
            (padding, !model.notes.is_empty())
        })
    };
    assert_eq!(read(&said, None).unwrap(), (Padding::Same, false));
    assert_eq!(read(&said, Some(Padding::Same)).unwrap(), (Padding::Same, false));
    assert_eq!(
        read(&unsaid, Some(Padding::Same)).unwrap(),
        (Padding::Same, false)
    );
    assert_eq!(read(&unsaid, None).unwrap(), (Padding::Valid, true));
    let text = read(&said, Some(Padding::Valid)).unwrap_err().to_string();
    assert!(
        text.contains("`same`") && text.contains("`padding=valid`"),
        "{text}"
    );
}

#[test]
fn misshapen_tensor_is_named_with_both_shapes() {
    let unet = SimpleUnet::doubling(3, 4, 2, 2, Padding::Valid);
    let mut spoilt = tensors(&unet);
    let tensor = spoilt.iter_mut().find(|(name, _)| name == "up_1.weight").unwrap();
    tensor.1 = WeightTensor::new(vec![8, 4, 3, 3], vec![0.0; 288]).unwrap();
    let text = problem(spoilt);
    for part in ["up_1.weight", "[8, 4, 3, 3]", "[8, 4, 2, 2]"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn stranger_is_refused_with_some_of_its_names() {
    let text = problem(vec![(
        "encoder.weight".into(),
        WeightTensor::new(vec![1], vec![0.0]).unwrap(),
    )]);
    assert!(
        text.contains("encoder.weight") && text.contains("SimpleUnet"),
        "{text}"
    );
    let metadata = [("family", "transformer")];
    let checkpoint = Checkpoint::from_tensors(
        tensors(&SimpleUnet::doubling(3, 4, 2, 2, Padding::Valid)),
        metadata,
    );
    let text = Model::from_checkpoint(&checkpoint.unwrap())
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("transformer") && text.contains("simple_unet"),
        "{text}"
    );
}
