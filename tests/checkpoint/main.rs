//! Checkpoints: what is written is read back, by this library and by the format's own; and what is not a
//! sound file is refused in one line that names it.

mod bad_files;
mod properties;
mod reading;
mod saving;

use asma::checkpoint::{Checkpoint, Dtype, WeightTensor};
use safetensors::tensor::TensorView;

const NO_METADATA: [(&str, &str); 0] = [];

/// A file of this header and data, whatever they say.
fn file_of(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// A file of one tensor `x`, written by the format's own library.
fn file_of_tensor(dtype: Dtype, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let view = TensorView::new(dtype, shape.to_vec(), data).unwrap();
    safetensors::serialize([("x", view)], None).unwrap()
}

fn little_endian<const N: usize>(numbers: impl IntoIterator<Item = [u8; N]>) -> Vec<u8> {
    numbers.into_iter().flatten().collect()
}

fn tensor(shape: &[usize], data: &[f32]) -> WeightTensor {
    WeightTensor::new(shape.to_vec(), data.to_vec()).unwrap()
}

fn read(bytes: Vec<u8>) -> asma::Result<Checkpoint> {
    Checkpoint::from_bytes("given.safetensors", bytes)
}

/// The error's text, after checking that it is one line that begins with the name `given.safetensors`.
#[track_caller]
fn problem<T>(result: asma::Result<T>) -> String {
    let text = result.err().expect("an error").to_string();
    assert!(text.starts_with("given.safetensors: "), "names no file: {text}");
    assert!(!text.contains('\n'), "more than one line: {text}");
    text
}
