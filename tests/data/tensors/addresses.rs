//! How a tensor is named where a file is, and what is done with it then as with a file.

use std::path::Path;

use asma::data::{InputOptions, Preparation, TensorAddress, file_of};
use asma::model::Padding;
use asma::{LabelMap, Shape, Tensor};
use proptest::prelude::*;

use super::{File, SHAPE, unet, values};
use crate::support::{assert_says, folder};

#[test]
fn tensors_are_prepared_as_files_are() {
    let numbers = values(72);
    let labels: Vec<u8> = (0..24).map(|index| u8::from(index % 6 > 2)).collect();
    let file = File::new()
        .floats("image", &SHAPE, &numbers)
        .bytes("labels", &[4, 6], &labels);
    let graph = unet(3, 2, Padding::Same);
    for steps in ["crop", "pad", "resize"] {
        let options = InputOptions {
            preparation: Preparation {
                crop: (steps == "crop").then(|| "1,0,4,4".parse().expect("a crop")),
                resize: (steps == "resize").then(|| "8x8".parse().expect("a size")),
                padding: (steps == "pad").then(|| "2".parse().expect("a padding")),
                only: None,
            },
            ..InputOptions::default()
        };
        let input = options.read(file.address("image"), &graph).expect("reads");
        let image = Tensor::new(Shape::new(1, 3, 4, 6), numbers.clone()).expect("fits");
        let prepared = options.preparation.apply_image(&image).expect("prepares");
        assert_eq!(input.image, prepared, "{steps}");
        let target = options
            .read_target(file.address("labels"), &input)
            .expect("reads");
        let region = options
            .read_region(file.address("labels"), &input)
            .expect("reads");
        assert_eq!(target.labels, region.labels);
        let whole = LabelMap::new(4, 6, labels.clone()).expect("fits");
        let shape = prepared.shape();
        let wanted = options.preparation.apply_labels(&whole, shape.h, shape.w);
        assert_eq!(target.labels, wanted.expect("prepares"), "{steps}");
    }
}

#[test]
fn an_address_is_told_from_a_path() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let parts = |path: &Path| {
        TensorAddress::of(path).map(|address| (address.file.to_path_buf(), address.tensor.to_string()))
    };
    for name in [
        "a.png",
        "a.safetensors",
        "C:\\a.png",
        "C:a.safetensors",
        "a.pt:x",
        "a:b.png",
    ] {
        assert_eq!(parts(Path::new(name)), None, "{name}");
        assert_eq!(file_of(Path::new(name)), Path::new(name));
    }
    for (name, file, tensor) in [
        ("C:\\a.safetensors:x", "C:\\a.safetensors", "x"),
        ("a.SafeTensors:x[1]", "a.SafeTensors", "x[1]"),
        ("a.safetensors:x:y", "a.safetensors", "x:y"),
        ("a.safetensors:", "a.safetensors", ""),
    ] {
        assert_eq!(parts(Path::new(name)), Some((file.into(), tensor.into())));
        assert_eq!(file_of(Path::new(name)), Path::new(file));
    }
    // A file of this very name stays one.
    let odd = path("odd.safetensors:x");
    std::fs::write(&odd, "").expect("writes");
    assert_eq!(parts(&odd), None);
    // Where names hold the mark twice, the file that is there tells.
    std::fs::write(path("a.safetensors:b.safetensors"), "").expect("writes");
    assert_eq!(
        parts(&path("a.safetensors:b.safetensors:c")),
        Some((path("a.safetensors:b.safetensors"), "c".into()))
    );
}

#[test]
fn a_name_with_brackets_is_found_before_an_index() {
    let numbers = values(144);
    let file = File::new()
        .floats("image", &[2, 3, 4, 6], &numbers)
        .floats("image[1]", &SHAPE, &numbers[..72])
        .floats("many[0]", &[2, 3, 4, 6], &numbers);
    let input = file.image("image[1]").expect("reads");
    assert_eq!(input.image.data(), &numbers[..72]);
    assert!(
        input.description[0].contains("tensor `image[1]`, "),
        "{:?}",
        input.description
    );
    assert_eq!(
        file.image("many[0][1]").expect("reads").image.data(),
        &numbers[72..]
    );
}

#[test]
fn files_that_are_no_safetensors_say_so() {
    let file = File::new().floats("image", &SHAPE, &values(72));
    let whole = file.address("image");
    let path = file_of(&whole).to_path_buf();
    assert_says(
        InputOptions::default()
            .read(&path, &unet(3, 2, Padding::Same))
            .map(|_| ()),
        Some(&path),
        &["a safetensors file, no image", "FILE.safetensors:NAME"],
    );
    let bytes = std::fs::read(&path).expect("reads");
    std::fs::write(&path, &bytes[..bytes.len() - 3]).expect("writes");
    let read = |path: &Path| {
        InputOptions::default()
            .read(path, &unet(3, 2, Padding::Same))
            .map(|_| ())
    };
    assert_says(read(&whole), Some(&path), &["cut short"]);
    std::fs::remove_file(&path).expect("removes");
    assert_says(read(&whole), Some(&path), &["cannot be read"]);
}

proptest! {
    /// Whatever is written behind a file's name is read or refused, and nothing else happens.
    #[test]
    fn any_name_is_read_or_refused(name in "[a-c\\[\\]0-9:.-]{0,8}") {
        let file = File::new().floats("a", &[2, 3, 4, 6], &values(144)).bytes("b", &[4, 6], &[1; 24]);
        match file.image(&name) {
            Ok(input) => prop_assert_eq!(input.image.shape(), Shape::new(1, 3, 4, 6)),
            Err(error) => prop_assert!(!error.to_string().contains('\n')),
        }
    }
}
