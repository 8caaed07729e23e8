//! Tensors as images: exact to the bit, or refused with what was found.

use asma::Shape;
use asma::data::{ImageOptions, InputOptions};
use asma::model::Padding;
use half::{bf16, f16};
use safetensors::tensor::Dtype;

use super::{File, SHAPE, unet, values};
use crate::support::assert_says;

#[test]
fn an_image_is_what_the_file_holds_to_the_bit() {
    // Neighbours that no file of 8 or 16 bits tells apart.
    let mut exact = values(72);
    (exact[0], exact[1]) = (0.1, 0.1f32.next_up());
    let file = File::new().floats("image", &SHAPE, &exact);
    let input = file.image("image").expect("reads");
    assert_eq!(input.image.shape(), Shape::new(1, 3, 4, 6));
    assert_eq!(input.image.data(), exact);
    assert_eq!(input.stored, [4, 6]);
    let path = file.folder.path().join("x.safetensors");
    assert_eq!(
        input.description[0],
        format!(
            "image: {}: tensor `image`, 3×4×6, float32, values 0.0156 to 0.5547",
            path.display()
        )
    );
    assert!(
        input.description[1].starts_with("sizes: 6×4"),
        "{:?}",
        input.description
    );
    assert!(input.notes.is_empty());
}

#[test]
fn every_kind_of_float_is_read() {
    let numbers = values(72);
    let bytes = |each: &dyn Fn(f32) -> Vec<u8>| numbers.iter().flat_map(|&value| each(value)).collect();
    let file = File::new()
        .with(
            "f16",
            Dtype::F16,
            &SHAPE,
            bytes(&|v| f16::from_f32(v).to_le_bytes().into()),
        )
        .with(
            "bf16",
            Dtype::BF16,
            &SHAPE,
            bytes(&|v| bf16::from_f32(v).to_le_bytes().into()),
        )
        .with(
            "f64",
            Dtype::F64,
            &SHAPE,
            bytes(&|v| f64::from(v).to_le_bytes().into()),
        )
        .with(
            "not f32",
            Dtype::F64,
            &SHAPE,
            bytes(&|v| (f64::from(v) * 0.3).to_le_bytes().into()),
        );
    for (name, called) in [("f16", "float16"), ("bf16", "bfloat16"), ("f64", "float64")] {
        let input = file.image(name).expect("reads");
        assert_eq!(input.image.data(), numbers, "{name}");
        assert!(input.description[0].contains(&format!("{called}, values 0 to 0.5547")));
    }
    assert_says(
        file.image("not f32"),
        Some(&file.address("not f32")),
        &["float32 does not hold exactly", "astype(numpy.float32)"],
    );
}

#[test]
fn a_sample_of_a_batch_is_named_by_its_index() {
    let numbers = values(3 * 72);
    let file = File::new()
        .floats("image", &[3, 3, 4, 6], &numbers)
        .floats("one", &[1, 3, 4, 6], &numbers[..72])
        .floats("plain", &SHAPE, &numbers[..72]);
    for index in 0..3 {
        let input = file.image(&format!("image[{index}]")).expect("reads");
        assert_eq!(input.image.data(), &numbers[72 * index..72 * (index + 1)]);
        let named = format!("tensor `image`[{index}], 3×4×6");
        assert!(input.description[0].contains(&named), "{:?}", input.description);
    }
    for name in ["one", "one[0]", "plain"] {
        assert_eq!(file.image(name).expect("reads").image.data(), &numbers[..72]);
    }
    for (name, words) in [
        ("image", ["holds 3 samples", "[0] to [2]"]),
        ("image[3]", ["holds 3 samples", "no [3]"]),
        ("one[1]", ["holds 1 sample,", "no [1]"]),
        ("plain[0]", ["3×4×6, no batch", "no [0]"]),
    ] {
        assert_says(file.image(name), Some(&file.address(name)), &words);
    }
}

#[test]
fn tensors_that_are_no_images_are_refused() {
    let with = |value: f32| {
        let mut values = values(72);
        values[71] = value;
        File::new().floats("image", &SHAPE, &values)
    };
    for (value, words) in [
        (f32::NAN, ["holds NaN at [2, 3, 5]", "finite"]),
        (f32::INFINITY, ["holds inf", "finite"]),
        (255.0, ["holds 255", "divide it by its white"]),
        (1.0000001, ["holds 1.0000001", "from 0 to 1"]),
        (-1e-9, ["holds -0.000000001", "`mean`"]),
    ] {
        let file = with(value);
        assert_says(file.image("image"), Some(&file.address("image")), &words);
    }
    let numbers = values(96);
    let file = File::new()
        .floats("flat", &[24, 4], &numbers)
        .floats("last", &[4, 6, 3], &numbers[..72])
        .floats("grey", &[1, 4, 6], &numbers[..24])
        .floats("four", &[4, 4, 6], &numbers)
        .bytes("bytes", &SHAPE, &[7; 72])
        .bytes("image[x]y", &SHAPE, &[7; 72]);
    for (name, words) in [
        ("flat", ["`flat` is 24×4", "C×H×W"]),
        ("last", ["4 channels", "transpose(2, 0, 1)"]),
        ("grey", ["1 channels", "`grey`"]),
        ("four", ["4 channels", "takes 3"]),
        ("bytes", ["`bytes` is uint8", "x / 255"]),
        ("none", ["no tensor `none`", "`bytes`, `flat`"]),
        ("", ["no tensor ``", "`bytes`, `flat`"]),
        ("flat[-1]", ["no tensor `flat[-1]`", "[0] is the first"]),
    ] {
        assert_says(file.image(name), Some(&file.address(name)), &words);
    }
    // Of a network that takes four, no picture could be drawn.
    assert_says(
        InputOptions::default()
            .read(file.address("four"), &unet(4, 2, Padding::Same))
            .map(|_| ()),
        None,
        &["takes 4 channels", "use the library"],
    );
    let white = InputOptions {
        image: ImageOptions {
            white: Some(255.0),
            ..Default::default()
        },
        ..InputOptions::default()
    };
    assert_says(
        white
            .read(file.address("grey"), &unet(1, 2, Padding::Same))
            .map(|_| ()),
        None,
        &["`white=255`", "leave it out"],
    );
}

#[test]
fn a_dark_image_is_read_and_said() {
    let file = File::new().floats("image", &SHAPE, &[1.0 / 255.0; 72]);
    let input = file.image("image").expect("reads");
    assert_eq!(input.notes.len(), 1);
    assert!(input.notes[0].contains("0.0039") && input.notes[0].contains("almost black"));
}
