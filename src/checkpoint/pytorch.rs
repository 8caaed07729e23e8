//! Weights as `torch.save` leaves them: `.pt`, `.pth`, `.ckpt`, `.bin`.

use std::path::Path;

use half::{bf16, f16};
use pytorch_reader::{DType, PytorchReader, Tensor};

use super::foreign::EXPORT_LINES;
use super::{Checkpoint, Source, WeightTensor};
use crate::error::{Error, Result};

impl Checkpoint {
    /// Reads all tensors of a file that `torch.save` wrote: a state dict, nested or not, or a whole module in the zip
    /// format, whose code is not run. Whole numbers become floats too.
    ///
    /// # Errors
    /// If the file is no such file or damaged, or holds TorchScript, quantised or sparse tensors, or numbers that are not
    /// finite.
    pub fn open_pytorch(path: impl AsRef<Path>) -> Result<Checkpoint> {
        let path = path.as_ref();
        let problem = |problem: String| Error::file(path, problem);
        let reader = PytorchReader::new(path).map_err(|error| {
            let error = error.to_string();
            problem(format!(
                "cannot be read as weights of PyTorch ({}); if it holds a whole module or TorchScript, {EXPORT_LINES}",
                error.lines().next().unwrap_or_default()
            ))
        })?;
        let mut tensors = Vec::with_capacity(reader.len());
        for (name, tensor) in reader.into_tensors() {
            let numbers = floats(&tensor).map_err(|error| {
                problem(format!(
                    "its tensor `{name}` cannot be read ({error}); the file is damaged, get it again"
                ))
            })?;
            // Of no numbers, such as the buffers of optimisers that have not begun.
            if numbers.is_empty() {
                continue;
            }
            tensors.push((name, WeightTensor::new(tensor.shape().to_vec(), numbers)?));
        }
        if tensors.is_empty() {
            return Err(problem(format!(
                "holds no tensors; if it holds a whole module, {EXPORT_LINES}"
            )));
        }
        let none = Vec::<(String, String)>::new();
        let checkpoint =
            Checkpoint::from_tensors(tensors, none).map_err(|error| problem(error.to_string()))?;
        Ok(Checkpoint {
            source: Source::File(path.to_path_buf()),
            ..checkpoint
        })
    }
}

fn floats(tensor: &Tensor) -> std::io::Result<Vec<f32>> {
    fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes
            .as_chunks::<N>()
            .0
            .iter()
            .map(|chunk| number(*chunk))
            .collect()
    }
    let bytes = tensor.read()?;
    Ok(match tensor.dtype() {
        DType::F64 => each(&bytes, |b| f64::from_ne_bytes(b) as f32),
        DType::F32 => each(&bytes, f32::from_ne_bytes),
        DType::F16 => each(&bytes, |b| f16::from_ne_bytes(b).to_f32()),
        DType::BF16 => each(&bytes, |b| bf16::from_ne_bytes(b).to_f32()),
        DType::I64 => each(&bytes, |b| i64::from_ne_bytes(b) as f32),
        DType::I32 => each(&bytes, |b| i32::from_ne_bytes(b) as f32),
        DType::I16 => each(&bytes, |b| i16::from_ne_bytes(b).into()),
        DType::I8 => each(&bytes, |b| i8::from_ne_bytes(b).into()),
        DType::U64 => each(&bytes, |b| u64::from_ne_bytes(b) as f32),
        DType::U32 => each(&bytes, |b| u32::from_ne_bytes(b) as f32),
        DType::U16 => each(&bytes, |b| u16::from_ne_bytes(b).into()),
        DType::U8 | DType::Bool => each(&bytes, |b| u8::from_ne_bytes(b).into()),
    })
}
