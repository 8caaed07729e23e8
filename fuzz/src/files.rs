//! Files of every kind that asma reads.

use std::cell::RefCell;
use std::path::PathBuf;

use asma::checkpoint::{Checkpoint, WeightTensor};
use asma::data::{read_image, read_mask};
use asma::gpu::Tuning;
use asma::model::{Model, ModelOptions};
use asma::report::{read_summary, read_trace};
use asma::{Shape, Tensor};

thread_local! {
    /// One folder for each thread, since readers take paths.
    static FOLDER: RefCell<Option<tempfile::TempDir>> = const { RefCell::new(None) };
}

/// The bytes as a file of this name.
pub fn as_file(name: &str, bytes: &[u8]) -> PathBuf {
    FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(|| tempfile::tempdir().expect("a scratch folder"));
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a scratch file");
        path
    })
}

/// The first byte chooses the file's ending, which no reader should trust.
const ENDINGS: [&str; 8] = ["png", "jpg", "tif", "bmp", "webp", "gif", "txt", ""];

fn named(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    Some((
        format!("picture.{}", ENDINGS[usize::from(first) % ENDINGS.len()]),
        rest,
    ))
}

/// An image file: its values are finite and 0 to 1.
pub fn image(bytes: &[u8]) {
    let Some((name, bytes)) = named(bytes) else { return };
    if let Ok(image) = read_image(as_file(&name, bytes)) {
        assert!(image.data().iter().all(|value| (0.0..=1.0).contains(value)));
        assert_eq!(
            image.shape(),
            Shape {
                n: 1,
                c: 3,
                ..image.shape()
            }
        );
    }
}

/// A mask file, for a number of classes: its labels are classes or to be ignored.
pub fn mask(bytes: &[u8]) {
    let Some((&classes, bytes)) = bytes.split_first() else {
        return;
    };
    let Some((name, bytes)) = named(bytes) else { return };
    let classes = usize::from(classes);
    if let Ok(mask) = read_mask(as_file(&name, bytes), classes) {
        assert!(
            mask.largest_class()
                .is_none_or(|largest| usize::from(largest) < classes.max(2))
        );
    }
}

/// A file of tensors, each of which is read.
pub fn checkpoint(bytes: &[u8]) {
    let Ok(checkpoint) = Checkpoint::from_bytes("the input", bytes.to_vec()) else {
        return;
    };
    let names: Vec<String> = checkpoint.names().map(String::from).collect();
    for name in &names {
        if let Ok(tensor) = checkpoint.tensor(name) {
            assert_eq!(tensor.data.len(), tensor.shape.iter().product::<usize>());
            assert!(checkpoint.tensor_shaped(name, &tensor.shape).is_ok());
        }
    }
    assert!(checkpoint.expect_only(&names).is_ok());
}

/// A file of weights, recognised, and run on a small image where it is a network.
pub fn model(bytes: &[u8]) {
    let Ok(checkpoint) = Checkpoint::from_bytes("the input", bytes.to_vec()) else {
        return;
    };
    let Ok(model) = Model::from_checkpoint(&checkpoint) else {
        return;
    };
    let channels = model.graph.input_channels();
    let wanted = Shape::new(1, channels, 24, 20);
    for (h, w) in model.graph.nearest_sizes(wanted).into_iter().chain([(24, 20)]) {
        let shape = Shape { h, w, ..wanted };
        if shape.elements() < 1 << 12 {
            super::networks::run(&model.graph, &Tensor::zeros(shape));
        }
    }
}

/// An ONNX file: imported, its shapes found at small sizes, and run on a small image where it takes one.
pub fn onnx(bytes: &[u8]) {
    let Ok(model) = Model::from_onnx("the input", bytes, &ModelOptions::default()) else {
        return;
    };
    assert!(model.as_published().is_ok());
    let channels = model.graph.input_channels();
    let sizes = match model.graph.only_size() {
        Some([rows, columns]) => vec![(rows, columns)],
        None => vec![(1, 1), (8, 6), (9, 7), (16, 32)],
    };
    for (h, w) in sizes {
        let shape = Shape::new(1, channels, h, w);
        if shape.elements() < 1 << 12 && model.graph.shapes(shape).is_ok() {
            super::networks::run(&model.graph, &Tensor::zeros(shape));
        }
    }
}

/// The metadata of a file that holds a whole network, over tensors of a few shapes: read, written and read again.
pub fn stored_network(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (network, preprocessing) = text.split_once('\0').unwrap_or((&text, ""));
    let tensors = [
        ("a", &[2, 3, 3, 3][..]),
        ("b", &[2]),
        ("c", &[2, 2, 1, 1]),
        ("d", &[3]),
    ]
    .map(|(name, shape)| {
        let elements = shape.iter().product::<usize>();
        let data = (0..elements).map(|index| index as f32 / 8.0 - 1.0).collect();
        let tensor = WeightTensor::new(shape.to_vec(), data).expect("finite numbers");
        (name, tensor)
    });
    let mut metadata = vec![("asma.network", network)];
    if !preprocessing.is_empty() {
        metadata.push(("asma.preprocessing", preprocessing));
    }
    let Ok(checkpoint) = Checkpoint::from_tensors(tensors, metadata) else {
        return;
    };
    let Ok(model) = Model::with_options(&checkpoint, &ModelOptions::default()) else {
        return;
    };
    let shape = Shape::new(1, model.graph.input_channels(), 12, 10);
    if shape.elements() < 1 << 12 && model.graph.shapes(shape).is_ok() {
        super::networks::run(&model.graph, &Tensor::zeros(shape));
    }
    let written = model.to_checkpoint().expect("what was read can be written");
    let again = Model::from_checkpoint(&written).expect("and read");
    assert_eq!(again.network.nodes().len(), model.network.nodes().len());
}

/// What asma wrote itself and reads again: traces, summaries, tables of variants.
pub fn records(bytes: &[u8]) {
    let path = as_file("record", bytes);
    if let Ok(rows) = read_trace(&path) {
        let again = as_file("again.csv", b"");
        asma::report::write_trace(&again, &rows).expect("what was read can be written");
        assert_eq!(read_trace(&again).expect("and read").len(), rows.len());
    }
    if let Ok(summary) = read_summary(&path) {
        let _ = summary.to_owned();
    }
    if let Ok(tuning) = serde_json::from_slice::<Tuning>(bytes) {
        let mut merged = Tuning::default();
        merged.merge(tuning);
    }
}
