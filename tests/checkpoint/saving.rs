//! What is built from tensors and saved: read back here and by the format's own library, whole or not
//! at all.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use asma::checkpoint::{Checkpoint, Dtype, WeightTensor};
use half::f16;
use safetensors::SafeTensors;

use crate::{NO_METADATA, file_of_tensor, little_endian, read, tensor};

fn names_in(directory: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into())
        .collect();
    names.sort();
    names
}

#[test]
fn a_saved_file_reads_back_here_and_in_the_formats_own_library() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("saved.safetensors");
    let image: Vec<f32> = (0..3 * 4 * 5).map(|number| number as f32 / 60.0).collect();
    let tensors = [
        ("b.weight", tensor(&[3, 4, 5], &image)),
        ("a.scale", tensor(&[], &[-1.5])),
    ];
    let metadata = [("tool", "asma"), ("note", "größer\n\"quoted\"")];
    Checkpoint::from_tensors(tensors, metadata)
        .unwrap()
        .save(&path)
        .unwrap();
    assert_eq!(names_in(directory.path()), [Path::new("saved.safetensors")]);

    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.path(), Some(path.as_path()));
    assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["a.scale", "b.weight"]);
    assert_eq!(
        checkpoint.tensor_shaped("b.weight", &[3, 4, 5]).unwrap().data,
        image
    );
    assert_eq!(checkpoint.tensor_shaped("a.scale", &[]).unwrap().data, [-1.5]);
    assert_eq!(checkpoint.metadata()["note"], "größer\n\"quoted\"");
    assert_eq!(checkpoint.element_count(), 61);

    let bytes = fs::read(&path).unwrap();
    let (header_length, header) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header_length % 8, 0, "the data is not aligned");
    let expected: HashMap<String, String> = metadata
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .into();
    assert_eq!(header.metadata(), &Some(expected));
    let theirs = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(theirs.tensor("b.weight").unwrap().shape(), [3, 4, 5]);
    assert_eq!(
        theirs.tensor("b.weight").unwrap().data(),
        little_endian(image.iter().map(|n| n.to_le_bytes()))
    );
    assert_eq!(theirs.len(), 2);
}

#[test]
fn the_same_tensors_give_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let save = |name: &str, order: [usize; 8]| {
        let path = directory.path().join(name);
        let tensors = order.map(|index| (format!("t{index}"), tensor(&[1], &[index as f32])));
        let metadata = order.map(|index| (format!("key{index}"), index.to_string()));
        Checkpoint::from_tensors(tensors, metadata)
            .unwrap()
            .save(&path)
            .unwrap();
        fs::read(path).unwrap()
    };
    assert_eq!(
        save("one", [0, 1, 2, 3, 4, 5, 6, 7]),
        save("two", [7, 2, 5, 0, 1, 6, 3, 4])
    );
}

#[test]
fn a_checkpoint_saved_again_keeps_its_element_types() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("half.safetensors");
    let half = little_endian([0.5f32, 2.0].map(|number| f16::from_f32(number).to_le_bytes()));
    read(file_of_tensor(Dtype::F16, &[2], &half))
        .unwrap()
        .save(&path)
        .unwrap();
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.entries().next().unwrap().dtype, Dtype::F16);
    assert_eq!(checkpoint.tensor("x").unwrap().data, [0.5, 2.0]);
}

#[test]
fn tensors_that_cannot_be_are_refused() {
    let misfits: [(Vec<usize>, usize); 4] = [
        (vec![2, 3], 5),
        (vec![2, 0], 0),
        (vec![], 0),
        (vec![usize::MAX, 2], 2),
    ];
    for (shape, count) in misfits {
        assert!(
            WeightTensor::new(shape.clone(), vec![0.0; count]).is_err(),
            "{shape:?} of {count}"
        );
        let unchecked = WeightTensor {
            shape: shape.clone(),
            data: vec![0.0; count],
        };
        let text = Checkpoint::from_tensors([("x", unchecked)], NO_METADATA)
            .unwrap_err()
            .to_string();
        assert!(text.contains("`x`"), "{text}");
    }
    let twice = [("x", tensor(&[1], &[0.0])), ("x", tensor(&[1], &[1.0]))];
    let text = Checkpoint::from_tensors(twice, NO_METADATA)
        .unwrap_err()
        .to_string();
    assert_eq!(text, "two tensors are called `x`");
    let reserved = [("__metadata__", tensor(&[1], &[0.0]))];
    assert!(Checkpoint::from_tensors(reserved, NO_METADATA).is_err());
}

#[test]
fn a_save_that_fails_leaves_everything_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let checkpoint = Checkpoint::from_tensors([("x", tensor(&[1], &[1.0]))], NO_METADATA).unwrap();

    // The last step, the rename, fails: a directory stands where the file should go.
    let occupied = directory.path().join("occupied");
    fs::create_dir(&occupied).unwrap();
    fs::write(occupied.join("inside"), "kept").unwrap();
    let text = checkpoint.save(&occupied).unwrap_err().to_string();
    assert!(
        text.starts_with(&format!("{}: cannot be written", occupied.display())),
        "{text}"
    );
    assert_eq!(names_in(directory.path()), [Path::new("occupied")]);
    assert_eq!(names_in(&occupied), [Path::new("inside")]);

    // The first step fails: nothing can be made beside the file.
    let file = directory.path().join("file");
    fs::write(&file, "kept").unwrap();
    for unwritable in [
        file.join("x.safetensors"),
        directory.path().join("none").join("x.safetensors"),
    ] {
        checkpoint.save(&unwritable).unwrap_err();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
    assert_eq!(
        names_in(directory.path()),
        [Path::new("file"), Path::new("occupied")]
    );
}

#[test]
fn a_file_is_replaced_whole_even_while_it_is_mapped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.safetensors");
    let save = |number: f32| {
        Checkpoint::from_tensors([("x", tensor(&[1], &[number]))], NO_METADATA)
            .unwrap()
            .save(&path)
            .unwrap();
    };
    save(1.0);
    let before = Checkpoint::open(&path).unwrap();
    // Windows lets nobody replace a file that is mapped.
    if cfg!(unix) {
        save(2.0);
        assert_eq!(before.tensor("x").unwrap().data, [1.0]);
        assert_eq!(Checkpoint::open(&path).unwrap().tensor("x").unwrap().data, [2.0]);
    }
    assert_eq!(names_in(directory.path()), [Path::new("x.safetensors")]);
}

#[cfg(unix)]
#[test]
fn a_saved_file_has_the_permissions_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let (saved, ordinary) = (directory.path().join("saved"), directory.path().join("ordinary"));
    Checkpoint::from_tensors([("x", tensor(&[1], &[1.0]))], NO_METADATA)
        .unwrap()
        .save(&saved)
        .unwrap();
    fs::write(&ordinary, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&saved), mode(&ordinary));
}
