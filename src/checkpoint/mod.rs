//! Weights in and out: named tensors in the safetensors format.
//!
//! A file is opened by memory map and checked whole: the header, and that every tensor's place in the
//! file agrees with its shape and element type. The numbers themselves are converted to 32-bit floats
//! only when a tensor is asked for.
//!
//! ```
//! use asma::checkpoint::{Checkpoint, WeightTensor};
//! # fn main() -> asma::Result<()> {
//! # let directory = tempfile::tempdir().map_err(|error| asma::Error::file("", error))?;
//! # let path = directory.path().join("small.safetensors");
//! let bias = WeightTensor::new(vec![2], vec![0.5, -0.5])?;
//! Checkpoint::from_tensors([("head.bias", bias)], [("made_by", "an example")])?.save(&path)?;
//!
//! let checkpoint = Checkpoint::open(&path)?;
//! checkpoint.expect_only(["head.bias"])?;
//! assert_eq!(checkpoint.tensor_shaped("head.bias", &[2])?.data, [0.5, -0.5]);
//! assert_eq!(checkpoint.metadata()["made_by"], "an example");
//! # Ok(())
//! # }
//! ```

mod elements;
mod foreign;
mod header;
mod message;
#[cfg(feature = "importers")]
mod pytorch;
mod selection;
mod storage;
mod weight_tensor;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
#[cfg(feature = "files")]
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use elements::index_of;
pub(crate) use foreign::EXPORT_LINES;
pub(crate) use message::{quoted, quoted_list};
pub use safetensors::Dtype;
pub use weight_tensor::WeightTensor;

use crate::error::{Error, Result};
#[cfg(feature = "files")]
use crate::files::write_atomically;
use header::Header;
pub(crate) use selection::Selection;
use storage::Storage;

/// Named tensors and text metadata, from a file, from bytes or from memory.
pub struct Checkpoint {
    source: Source,
    header: Header,
    /// Shared with selections of it.
    storage: Arc<Storage>,
    /// Where in `storage` the numbers begin, behind the header.
    data_start: usize,
}

/// Where a checkpoint came from, for error messages.
#[derive(Clone)]
enum Source {
    File(PathBuf),
    Bytes(String),
    Memory,
}

/// What a checkpoint's header says of one tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorEntry<'a> {
    /// The name.
    pub name: &'a str,
    /// The extent along each dimension, outermost first; empty for a single number.
    pub shape: &'a [usize],
    /// How the numbers are stored; [`Checkpoint::tensor`] gives 32-bit floats in any case.
    pub dtype: Dtype,
}

impl Checkpoint {
    /// Opens a safetensors file by memory map.
    ///
    /// The file must not be written into or cut short while the checkpoint lives: the operating system
    /// then kills the process or hands it other numbers. Replacing it by a rename, as
    /// [`Checkpoint::save`] does, is harmless.
    ///
    /// # Errors
    /// If there is no such file, it cannot be read, or it is not a sound safetensors file.
    #[cfg(feature = "files")]
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let storage = Storage::map(path).map_err(|problem| Error::file(path, problem))?;
        Self::parse(Source::File(path.to_path_buf()), storage)
    }

    /// Reads a safetensors file that is already in memory, such as one built into the program.
    /// `description` stands for the file's name in error messages.
    ///
    /// # Errors
    /// If the bytes are not a sound safetensors file.
    pub fn from_bytes(description: impl Into<String>, bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self> {
        Self::parse(Source::Bytes(description.into()), Storage::Bytes(bytes.into()))
    }

    /// A checkpoint of these tensors and this metadata, in memory, stored as 32-bit floats.
    ///
    /// # Errors
    /// If a name is given twice or is the format's reserved `__metadata__`, or a tensor's shape does not
    /// fit its numbers, or a number is not finite.
    pub fn from_tensors<Name, Key, Value>(
        tensors: impl IntoIterator<Item = (Name, WeightTensor)>,
        metadata: impl IntoIterator<Item = (Key, Value)>,
    ) -> Result<Self>
    where
        Name: Into<String>,
        Key: Into<String>,
        Value: Into<String>,
    {
        let mut sorted = BTreeMap::new();
        for (name, tensor) in tensors {
            let name = name.into();
            tensor.check(&name)?;
            if name == header::METADATA_KEY {
                return Err(Error::Usage(format!(
                    "a tensor cannot be called {}: safetensors files keep their metadata under that name",
                    quoted(&name)
                )));
            }
            if sorted.insert(name.clone(), tensor).is_some() {
                return Err(Error::Usage(format!("two tensors are called {}", quoted(&name))));
            }
        }
        let metadata = metadata
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        let numbers = sorted.values().map(|tensor| &tensor.data[..]);
        Ok(Checkpoint {
            source: Source::Memory,
            header: Header::of_tensors(&sorted, metadata),
            storage: Arc::new(Storage::Bytes(Cow::Owned(elements::encode(numbers)))),
            data_start: 0,
        })
    }

    fn parse(source: Source, storage: Storage) -> Result<Self> {
        let bytes = storage.bytes();
        match Header::parse(bytes) {
            Ok((header, data_start)) => Ok(Checkpoint {
                source,
                header,
                storage: Arc::new(storage),
                data_start,
            }),
            Err(problem) => {
                let problem = foreign::recognise(bytes).unwrap_or(problem);
                Err(source.error(problem))
            }
        }
    }

    /// The file, if the checkpoint was opened from one.
    pub fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::File(path) => Some(path),
            Source::Bytes(_) | Source::Memory => None,
        }
    }

    /// The file's name, or what stands for it, to begin a message with.
    pub fn describe(&self) -> String {
        self.source.to_string()
    }

    /// An error about this checkpoint: `problem` behind the file's name.
    pub fn error(&self, problem: impl ToString) -> Error {
        self.source.error(problem)
    }

    /// The tensors' names in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.header.tensors.keys().map(String::as_str)
    }

    /// What the header says of each tensor, in alphabetical order of the names.
    pub fn entries(&self) -> impl Iterator<Item = TensorEntry<'_>> {
        self.header.tensors.iter().map(|(name, info)| TensorEntry {
            name,
            shape: &info.shape,
            dtype: info.dtype,
        })
    }

    /// The shape of the tensor of this name, if there is one.
    pub fn shape_of(&self, name: &str) -> Option<&[usize]> {
        self.header.tensors.get(name).map(|info| info.shape.as_slice())
    }

    /// The element type, the shape and the numbers, as they are stored, of the tensor of this name, if there is one.
    pub(crate) fn stored(&self, name: &str) -> Option<(Dtype, &[usize], &[u8])> {
        let info = self.header.tensors.get(name)?;
        let (start, end) = info.data_offsets;
        let bytes = self.data().get(start..end).unwrap_or_default();
        Some((info.dtype, &info.shape, bytes))
    }

    /// The text metadata that stands in the file.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.header.metadata
    }

    /// How many numbers all tensors hold together.
    pub fn element_count(&self) -> usize {
        // No overflow: every one of these numbers was found to have its place in the file.
        self.entries()
            .map(|entry| entry.shape.iter().product::<usize>())
            .sum()
    }

    /// The tensor of this name, its numbers converted to 32-bit floats.
    ///
    /// # Errors
    /// If there is none, its element type is not one of F32, F16, BF16 and F64, or a number is not finite
    /// as a 32-bit float.
    pub fn tensor(&self, name: &str) -> Result<WeightTensor> {
        let Some((dtype, shape, bytes)) = self.stored(name) else {
            return Err(self.error(format!("the tensor {} is missing", quoted(name))));
        };
        let data = elements::decode(dtype, bytes)
            .ok_or_else(|| {
                format!(
                    "the tensor {} is stored as {}, and only F32, F16, BF16 and F64 can be read; \
                     convert it to float32 and save the file again",
                    quoted(name),
                    dtype
                )
            })
            .and_then(|data| match elements::describe_non_finite(&data, shape) {
                Some(problem) => Err(format!(
                    "the tensor {} {problem}; the training that wrote it diverged, take an earlier checkpoint",
                    quoted(name)
                )),
                None => Ok(data),
            })
            .map_err(|problem| self.error(problem))?;
        Ok(WeightTensor {
            shape: shape.to_vec(),
            data,
        })
    }

    /// The tensor of this name, which must have this shape.
    ///
    /// # Errors
    /// As [`Checkpoint::tensor`], and if the shape is another.
    pub fn tensor_shaped(&self, name: &str, wanted: &[usize]) -> Result<WeightTensor> {
        match self.shape_of(name) {
            None => Err(self.error(format!(
                "the tensor {} is missing; one of shape {wanted:?} is wanted",
                quoted(name)
            ))),
            Some(found) if found != wanted => Err(self.error(format!(
                "the tensor {} has shape {found:?}, but {wanted:?} is wanted",
                quoted(name)
            ))),
            Some(_) => self.tensor(name),
        }
    }

    /// Checks that the checkpoint holds the tensors of these names and no other.
    ///
    /// # Errors
    /// Names the missing and the surplus tensors, the first few of each.
    pub fn expect_only<Name: AsRef<str>>(&self, wanted: impl IntoIterator<Item = Name>) -> Result<()> {
        let wanted: Vec<Name> = wanted.into_iter().collect();
        let wanted: BTreeSet<&str> = wanted.iter().map(Name::as_ref).collect();
        let found: BTreeSet<&str> = self.names().collect();
        let missing: Vec<&str> = wanted.difference(&found).copied().collect();
        let surplus: Vec<&str> = found.difference(&wanted).copied().collect();
        let mut problems = Vec::new();
        if !missing.is_empty() {
            problems.push(format!("missing {}", quoted_list(&missing)));
        }
        if !surplus.is_empty() {
            problems.push(format!("not part of the network: {}", quoted_list(&surplus)));
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(self.error(format!(
            "the tensors are not those of this network: {}",
            problems.join("; ")
        )))
    }

    /// Writes the checkpoint as a safetensors file, whole or not at all: an earlier file at `path` stays
    /// as it is until the new one is complete. The same tensors and metadata give the same bytes.
    ///
    /// # Errors
    /// If the file cannot be written.
    #[cfg(feature = "files")]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let header = self
            .header
            .to_bytes()
            .map_err(|problem| Error::file(path, problem))?;
        write_atomically(path, |file| {
            file.write_all(&header)?;
            file.write_all(self.data())
        })
    }

    /// All numbers as they are stored, one tensor behind the other.
    fn data(&self) -> &[u8] {
        self.storage.bytes().get(self.data_start..).unwrap_or_default()
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("source", &self.describe())
            .field("metadata", self.metadata())
            .field("tensors", &self.entries().collect::<Vec<_>>())
            .finish()
    }
}

impl Source {
    fn error(&self, problem: impl ToString) -> Error {
        Error::file(self.to_string(), problem)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => path.display().fmt(f),
            Source::Bytes(description) => f.write_str(description),
            Source::Memory => f.write_str("weights in memory"),
        }
    }
}
