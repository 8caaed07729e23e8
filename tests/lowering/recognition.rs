//! The authors' family is recognised from tensors alone, and what is wrong with a checkpoint is named.

use asma::Shape;
use asma::checkpoint::{Checkpoint, WeightTensor};
use asma::graph::{Family, Model, Padding, SimpleUnet};

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
        let Model { family, graph, .. } = Model::from_checkpoint(&checkpoint_of(&unet, true)).unwrap();
        assert_eq!(family, Family::SimpleUnet(unet.clone()));
        let count: usize = unet
            .tensors()
            .iter()
            .map(|(_, shape)| shape.iter().product::<usize>())
            .sum();
        assert_eq!(graph.parameter_count(), count);

        // Padding cannot be seen in the tensors; without metadata it is the authors' own.
        let family = Family::recognise(&checkpoint_of(&unet, false)).unwrap();
        let wanted = SimpleUnet {
            padding: Padding::Valid,
            ..unet
        };
        assert_eq!(family, Family::SimpleUnet(wanted));
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
