//! The numbers of an ONNX file, wherever they stand: in raw bytes, in typed fields or in a file beside it.

use std::path::{Component, Path, PathBuf};

use half::{bf16, f16};
use rten_onnx::onnx::{DataLocation, DataType, TensorProto};

use super::host::{Host, elements};
use crate::files;

/// The folder that external data lies in.
pub(super) struct Folder {
    folder: Option<PathBuf>,
}

impl Folder {
    pub fn new(folder: Option<&Path>) -> Self {
        Folder {
            folder: folder.map(Path::to_path_buf),
        }
    }

    /// What `read` makes of bytes of a file in the folder. The file is mapped for that long alone, so that what was read
    /// already takes no memory.
    fn read<R>(
        &self,
        location: &str,
        offset: usize,
        length: usize,
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, String> {
        let folder = self
            .folder
            .as_ref()
            .ok_or_else(|| format!("stands in the file `{location}`, and this network has no folder"))?;
        let inside = Path::new(location)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside || location.is_empty() {
            return Err(format!(
                "stands in `{location}`; only files in the folder of the network are read"
            ));
        }
        let path = folder.join(location);
        let map = files::map(&path).map_err(|problem| {
            format!(
                "stands in the file `{}`, which {problem}; put it beside the network",
                path.display()
            )
        })?;
        let bytes = offset
            .checked_add(length)
            .and_then(|end| map.get(offset..end))
            .ok_or_else(|| {
                format!(
                    "should stand at byte {offset} of `{}`, {length} bytes long, and the file has {}; it was cut short \
                     or is of another network",
                    path.display(),
                    map.len()
                )
            })?;
        Ok(read(bytes))
    }
}

/// Elements that a tensor of a network may have.
const MOST_ELEMENTS: usize = 1 << 31;

/// The numbers of a tensor.
pub(super) fn read_tensor(tensor: TensorProto, folder: &Folder) -> Result<Host, String> {
    let dims = tensor
        .dims
        .iter()
        .map(|&dim| usize::try_from(dim).map_err(|_| format!("has an extent of {dim}")))
        .collect::<Result<Vec<usize>, String>>()?;
    let elements = match elements(&dims)? {
        elements if elements <= MOST_ELEMENTS => elements,
        _ => return Err(format!("of shape {dims:?} has more than {MOST_ELEMENTS} numbers")),
    };
    let kind = tensor.data_type.unwrap_or(DataType(0));
    let name = kind.name().unwrap_or("an unknown type").to_lowercase();
    let size = match kind {
        DataType::FLOAT | DataType::INT32 | DataType::UINT32 => 4,
        DataType::DOUBLE | DataType::INT64 | DataType::UINT64 => 8,
        DataType::FLOAT16 | DataType::BFLOAT16 | DataType::INT16 | DataType::UINT16 => 2,
        DataType::INT8 | DataType::UINT8 | DataType::BOOL => 1,
        _ => {
            return Err(format!(
                "is stored as {name}, which is not read; export the network in float32"
            ));
        }
    };
    let length = elements * size;
    let wrong = |found: usize| {
        format!(
            "of shape {dims:?} wants {elements} numbers of {name}, and {found} bytes or numbers stand there"
        )
    };
    if tensor.data_location == Some(DataLocation::EXTERNAL) || !tensor.external_data.is_empty() {
        let entry = |key: &str| {
            let mut entries = tensor.external_data.iter();
            let found = entries.find(|entry| entry.key.as_deref() == Some(key));
            found.and_then(|entry| entry.value.clone())
        };
        let number = |key: &str| match entry(key) {
            Some(text) => text
                .parse::<usize>()
                .map(Some)
                .map_err(|_| format!("has the {key} `{text}`, which is no number")),
            None => Ok(None),
        };
        let location = entry("location").ok_or("stands in another file that it does not name")?;
        let (offset, said) = (number("offset")?.unwrap_or(0), number("length")?);
        return match said.unwrap_or(length) {
            said if said == length => {
                folder.read(&location, offset, length, |bytes| decode(kind, bytes, dims))
            }
            said => Err(wrong(said)),
        };
    }
    if let Some(raw) = tensor.raw_data {
        let raw = raw.into_inner();
        return match raw.len() == length {
            true => Ok(decode(kind, &raw, dims)),
            false => Err(wrong(raw.len())),
        };
    }
    let host = match kind {
        DataType::FLOAT => Host::floats(dims.clone(), tensor.float_data),
        DataType::DOUBLE => Host::floats(
            dims.clone(),
            tensor.double_data.iter().map(|&value| value as f32).collect(),
        ),
        DataType::FLOAT16 => {
            let half = |&word: &i32| f16::from_bits(word as u16).to_f32();
            Host::floats(dims.clone(), tensor.int32_data.iter().map(half).collect())
        }
        DataType::BFLOAT16 => {
            let half = |&word: &i32| bf16::from_bits(word as u16).to_f32();
            Host::floats(dims.clone(), tensor.int32_data.iter().map(half).collect())
        }
        DataType::INT64 | DataType::UINT64 | DataType::UINT32 if !tensor.int64_data.is_empty() => {
            Host::integers(dims.clone(), tensor.int64_data)
        }
        _ => Host::integers(
            dims.clone(),
            tensor.int32_data.iter().map(|&value| i64::from(value)).collect(),
        ),
    };
    match host.length() == elements {
        true => Ok(host),
        false => Err(wrong(host.length())),
    }
}

/// Numbers from bytes, of which there are as many as the extents say.
fn decode(kind: DataType, bytes: &[u8], dims: Vec<usize>) -> Host {
    fn each<const N: usize, T>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes
            .as_chunks::<N>()
            .0
            .iter()
            .map(|chunk| number(*chunk))
            .collect()
    }
    // Quantised weights are many, and floats hold their numbers as they are.
    if bytes.len() > 1024 {
        match kind {
            DataType::INT8 => return Host::floats(dims, bytes.iter().map(|&b| f32::from(b as i8)).collect()),
            DataType::UINT8 => return Host::floats(dims, bytes.iter().map(|&b| f32::from(b)).collect()),
            _ => {}
        }
    }
    match kind {
        DataType::FLOAT => Host::floats(dims, each(bytes, f32::from_le_bytes)),
        DataType::DOUBLE => Host::floats(dims, each(bytes, |b| f64::from_le_bytes(b) as f32)),
        DataType::FLOAT16 => Host::floats(dims, each(bytes, |b| f16::from_le_bytes(b).to_f32())),
        DataType::BFLOAT16 => Host::floats(dims, each(bytes, |b| bf16::from_le_bytes(b).to_f32())),
        DataType::INT64 | DataType::UINT64 => Host::integers(dims, each(bytes, i64::from_le_bytes)),
        DataType::INT32 => Host::integers(dims, each(bytes, |b| i32::from_le_bytes(b).into())),
        DataType::UINT32 => Host::integers(dims, each(bytes, |b| u32::from_le_bytes(b).into())),
        DataType::INT16 => Host::integers(dims, each(bytes, |b| i16::from_le_bytes(b).into())),
        DataType::UINT16 => Host::integers(dims, each(bytes, |b| u16::from_le_bytes(b).into())),
        DataType::INT8 => Host::integers(dims, bytes.iter().map(|&b| i64::from(b as i8)).collect()),
        _ => Host::integers(dims, bytes.iter().map(|&b| i64::from(b)).collect()),
    }
}
