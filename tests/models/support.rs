//! What several of these files need.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use asma::checkpoint::{Checkpoint, WeightTensor};
use asma::cpu::CpuExecutor;
use asma::model::{Model, ModelOptions};
use asma::reference::{Comparison, Reference};

/// A file beside these tests.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name)
}

pub fn open(path: impl AsRef<Path>) -> asma::Result<Model> {
    Model::open(path, &ModelOptions::default())
}

/// A tensor of numbers made from their indices.
fn made(shape: &[usize], value: impl Fn(usize) -> f64) -> WeightTensor {
    let elements = shape.iter().product();
    let data = (0..elements).map(|index| value(index) as f32).collect();
    WeightTensor::new(shape.to_vec(), data).unwrap()
}

/// The reference numbers that stand behind this prefix, if there are any: `y` and `dx` for the image and the gradient
/// that `make.py` makes as they are made here.
pub fn reference(all: &Checkpoint, prefix: &str) -> Option<Checkpoint> {
    let [y, dx] = ["y", "dx"].map(|name| format!("{prefix}/{name}"));
    let image = |index: usize| ((index * 7919 + 13) % 1009) as f64 / 1009.0;
    let seed = |index: usize| ((index * 104729 + 7) % 2003) as f64 / 1001.0 - 1.0;
    let tensors = [
        ("x", made(all.shape_of(&dx)?, image)),
        ("w", made(all.shape_of(&y)?, seed)),
        ("y", all.tensor(&y).unwrap()),
        ("dx", all.tensor(&dx).unwrap()),
    ];
    let none: [(&str, &str); 0] = [];
    Some(Checkpoint::from_tensors(tensors, none).unwrap())
}

/// How far a network is from its reference numbers, on the CPU.
pub fn compare(model: &Model, numbers: &Checkpoint) -> asma::Result<Vec<Comparison>> {
    let reference = Reference::new(model, numbers)?;
    let mut executor = CpuExecutor::new(Arc::clone(reference.program()))?;
    reference.compare(&mut executor)
}

/// What is wrong with a network, if it is further from its numbers than `tolerance`.
pub fn problem_with(model: &Model, numbers: &Checkpoint, tolerance: f64) -> Option<String> {
    let comparisons = match compare(model, numbers) {
        Ok(comparisons) => comparisons,
        Err(error) => return Some(error.to_string()),
    };
    let off: Vec<String> = comparisons
        .iter()
        .filter(|comparison| comparison.relative.is_nan() || comparison.relative > tolerance)
        .map(|comparison| format!("{} is off by {:.2e}", comparison.tensor, comparison.relative))
        .collect();
    (!off.is_empty()).then(|| off.join(", "))
}

/// The error's text, after checking that it is one line that begins with the file's name.
#[track_caller]
pub fn refusal(path: &Path, result: asma::Result<Model>) -> String {
    let text = match result {
        Ok(model) => panic!("{} was read: {}", path.display(), model.description()),
        Err(error) => error.to_string(),
    };
    assert!(
        text.starts_with(&format!("{}: ", path.display())),
        "names no file: {text}"
    );
    assert!(!text.contains('\n'), "more than one line: {text}");
    text
}
