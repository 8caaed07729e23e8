//! Tensors as labels: whole numbers of any type, or refused with what was found.

use asma::data::InputOptions;
use asma::labels::IGNORE;
use asma::model::Padding;
use asma::{Shape, Tensor};
use half::f16;
use safetensors::tensor::Dtype;

use super::{File, unet, values};
use crate::support::assert_says;

#[test]
fn every_kind_of_whole_number_is_a_label() {
    let labels: Vec<i8> = (0..24).map(|index| index % 5).collect();
    let wanted: Vec<u8> = labels.iter().map(|&label| label as u8).collect();
    let bytes = |each: &dyn Fn(i8) -> Vec<u8>| labels.iter().flat_map(|&label| each(label)).collect();
    let file = File::new()
        .with(
            "u8",
            Dtype::U8,
            &[4, 6],
            bytes(&|l| (l as u8).to_le_bytes().into()),
        )
        .with("i8", Dtype::I8, &[4, 6], bytes(&|l| l.to_le_bytes().into()))
        .with(
            "u16",
            Dtype::U16,
            &[4, 6],
            bytes(&|l| (l as u16).to_le_bytes().into()),
        )
        .with(
            "i16",
            Dtype::I16,
            &[4, 6],
            bytes(&|l| i16::from(l).to_le_bytes().into()),
        )
        .with(
            "u32",
            Dtype::U32,
            &[4, 6],
            bytes(&|l| (l as u32).to_le_bytes().into()),
        )
        .with(
            "i32",
            Dtype::I32,
            &[4, 6],
            bytes(&|l| i32::from(l).to_le_bytes().into()),
        )
        .with(
            "u64",
            Dtype::U64,
            &[4, 6],
            bytes(&|l| (l as u64).to_le_bytes().into()),
        )
        .with(
            "i64",
            Dtype::I64,
            &[4, 6],
            bytes(&|l| i64::from(l).to_le_bytes().into()),
        )
        .with(
            "f16",
            Dtype::F16,
            &[4, 6],
            bytes(&|l| f16::from_f32(l.into()).to_le_bytes().into()),
        )
        .with(
            "f32",
            Dtype::F32,
            &[4, 6],
            bytes(&|l| f32::from(l).to_le_bytes().into()),
        )
        .with(
            "f64",
            Dtype::F64,
            &[4, 6],
            bytes(&|l| f64::from(l).to_le_bytes().into()),
        )
        .with("bool", Dtype::BOOL, &[4, 6], bytes(&|l| vec![u8::from(l > 2)]));
    for name in [
        "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f16", "f32", "f64",
    ] {
        assert_eq!(file.labels(name, [4, 6]).expect("reads"), wanted, "{name}");
    }
    let marked: Vec<u8> = wanted.iter().map(|&label| u8::from(label > 2)).collect();
    assert_eq!(file.labels("bool", [4, 6]).expect("reads"), marked);
}

#[test]
fn labels_may_lie_in_a_batch_with_or_without_a_channel() {
    let numbers: Vec<u8> = (0..48).map(|index| index / 24 + index % 3).collect();
    let file = File::new()
        .bytes("plain", &[2, 4, 6], &numbers)
        .bytes("channel", &[2, 1, 4, 6], &numbers)
        .bytes("scores", &[1, 2, 4, 6], &numbers)
        .bytes("row", &[24], &numbers[..24]);
    for name in ["plain[1]", "channel[1]"] {
        assert_eq!(
            file.labels(name, [4, 6]).expect("reads"),
            &numbers[24..],
            "{name}"
        );
    }
    for (name, words) in [
        ("plain", ["holds 2 samples", "[0] to [1]"]),
        ("plain[2]", ["holds 2 samples", "no [2]"]),
        ("scores", ["1×2×4×6", "argmax"]),
        ("row", ["`row` is 24", "H×W"]),
    ] {
        assert_says(file.labels(name, [4, 6]), Some(&file.address(name)), &words);
    }
    assert_says(
        file.labels("plain[0]", [6, 4]),
        Some(&file.address("plain[0]")),
        &["6×4 pixels", "4×6 as stored", "on its side"],
    );
}

#[test]
fn numbers_that_are_no_classes_are_refused() {
    let with = |value: f32| {
        let mut values = [1.0; 24];
        values[6] = value;
        File::new().floats("labels", &[4, 6], &values)
    };
    for (value, words) in [
        (-1.0, ["holds -1 at [1, 0]", "labels[labels < 0] = 255"]),
        (-100.0, ["holds -100", "255"]),
        (0.5, ["holds 0.5", "whole numbers"]),
        (f32::NAN, ["holds NaN", "finite"]),
        (5.0, ["holds 5", "classes 0 to 4"]),
        (254.0, ["holds 254", "`mask-values="]),
        (70000.0, ["holds 70000", "65535"]),
    ] {
        let file = with(value);
        assert_says(
            file.labels("labels", [4, 6]),
            Some(&file.address("labels")),
            &words,
        );
    }
    let ignored = with(255.0).labels("labels", [4, 6]).expect("reads");
    assert_eq!(ignored.iter().filter(|&&label| label == IGNORE).count(), 1);
    let file = File::new().with("labels", Dtype::F8_E5M2, &[4, 6], vec![0; 24]);
    assert_says(
        file.labels("labels", [4, 6]),
        Some(&file.address("labels")),
        &["F8_E5M2", "uint8"],
    );
}

#[test]
fn what_values_mean_can_be_said_of_tensors_too() {
    let numbers: Vec<u8> = (0..24).map(|index| 10 * (index % 3)).collect();
    let file = File::new().bytes("labels", &[4, 6], &numbers);
    let graph = unet(3, 2, Padding::Same);
    let image = Tensor::zeros(Shape::new(1, 3, 4, 6));
    let with = |change: &dyn Fn(&mut InputOptions)| {
        let mut options = InputOptions::default();
        change(&mut options);
        let input = options.prepare("image", &image, &graph).expect("an image");
        options.read_target(file.address("labels"), &input)
    };
    let mask = with(&|options| options.mask.values = "0:0,20:1,10:ignore".parse().ok()).expect("reads");
    let wanted: Vec<u8> = numbers
        .iter()
        .map(|&number| [0, IGNORE, 1][usize::from(number / 10)])
        .collect();
    assert_eq!(mask.labels.labels(), wanted);
    assert!(mask.description.contains("`mask-values="), "{}", mask.description);
    assert_says(
        with(&|options| options.mask.values = "0:0,20:1".parse().ok()),
        None,
        &["does not say what 10 is"],
    );
    assert_says(
        with(&|options| options.mask.values = "0:0,20:2".parse().ok()),
        None,
        &["class 2", "0 to 1"],
    );
    assert_says(
        with(&|options| options.mask.threshold = Some(9)),
        None,
        &["`mask-threshold=9`", "leave it out"],
    );
}

#[test]
fn labels_of_the_size_of_the_output_are_taken_as_they_are() {
    let file = File::new()
        .floats("image", &[3, 20, 24], &values(1440))
        .bytes("cut", &[4, 8], &[1; 32])
        .bytes("whole", &[20, 24], &[1; 480])
        .bytes("neither", &[5, 8], &[1; 40]);
    let graph = unet(3, 2, Padding::Valid);
    let options = InputOptions::default();
    let input = options.read(file.address("image"), &graph).expect("reads");
    assert_eq!((input.network.output.h, input.network.output.w), (4, 8));
    for name in ["cut", "whole"] {
        let target = options.read_target(file.address(name), &input).expect("reads");
        assert_eq!(target.labels.labels(), [1; 32], "{name}");
        let said = target.description.contains("of the size of the network's output");
        assert_eq!(said, name == "cut", "{}", target.description);
    }
    for (name, region) in [("neither", false), ("cut", true)] {
        let address = file.address(name);
        let read = match region {
            true => options.read_region(&address, &input),
            false => options.read_target(&address, &input),
        };
        assert_says(read, Some(&address), &["24×20 as stored"]);
    }
}
