//! The header of a safetensors file: 8 bytes that hold its length (little-endian), then JSON that gives
//! each tensor's element type, shape and place in the data behind it.
//!
//! The element types and the entry are the `safetensors` crate's. The checks stand here because its own
//! (0.8) do not name the tensor whose shape is wrong and add offsets unchecked, which panics in a debug
//! build when the last one lies near 2⁶⁴; and its writer orders metadata at random.

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::TensorInfo;
use serde::{Deserialize, Serialize};

use super::WeightTensor;
use super::message::{one_line, quoted};

/// The name under which the format keeps metadata among the tensors.
pub(super) const METADATA_KEY: &str = "__metadata__";

/// Bytes that hold the header's length.
const LENGTH_BYTES: usize = size_of::<u64>();

/// The format's own limit, in bytes.
const LARGEST_HEADER: u64 = 100_000_000;

/// Weights have at most 5 dimensions; far more are a sign of a damaged file.
const MOST_DIMENSIONS: usize = 8;

/// What stands in the header, in alphabetical order, so that everything derived from it is reproducible.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    #[serde(rename = "__metadata__", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metadata: BTreeMap<String, String>,
    #[serde(flatten)]
    pub(super) tensors: BTreeMap<String, TensorInfo>,
}

impl Header {
    /// The header of tensors that lie one behind the other as 32-bit floats, in this order. The caller has
    /// checked that each one's shape fits its numbers.
    pub(super) fn of_tensors(
        tensors: &BTreeMap<String, WeightTensor>,
        metadata: BTreeMap<String, String>,
    ) -> Self {
        let mut start = 0;
        let tensors = tensors.iter().map(|(name, tensor)| {
            let end = start + size_of_val(tensor.data.as_slice());
            let info = TensorInfo {
                dtype: Dtype::F32,
                shape: tensor.shape.clone(),
                data_offsets: (start, end),
            };
            start = end;
            (name.clone(), info)
        });
        Header {
            tensors: tensors.collect(),
            metadata,
        }
    }

    /// Reads and checks the header of a whole file; gives it and the position at which the data begins.
    /// An error is what is wrong with the file, in one line.
    pub(super) fn parse(file: &[u8]) -> Result<(Self, usize), String> {
        let Some((length, rest)) = file.split_first_chunk::<LENGTH_BYTES>() else {
            return Err(format!(
                "has {} bytes, too few for a safetensors file; was it cut short?",
                file.len()
            ));
        };
        let length = u64::from_le_bytes(*length);
        let json = usize::try_from(length)
            .ok()
            .filter(|_| length <= LARGEST_HEADER)
            .and_then(|length| rest.get(..length))
            .ok_or_else(|| {
                format!(
                    "is no safetensors, ONNX or PyTorch file, or was cut short: as safetensors it announces a header of {length} bytes, \
                     and {} bytes follow (at most {LARGEST_HEADER} are allowed)",
                    rest.len()
                )
            })?;
        let header: Header = serde_json::from_slice(json).map_err(|error| {
            format!(
                "is no safetensors, ONNX or PyTorch file, or is damaged: its header does not read: {}",
                one_line(&error)
            )
        })?;
        header.check(rest.len() - json.len())?;
        Ok((header, LENGTH_BYTES + json.len()))
    }

    /// Checks that the tensors fill `data_bytes` bytes without gap or overlap, each with as many bytes as
    /// its shape and element type take.
    fn check(&self, data_bytes: usize) -> Result<(), String> {
        let mut by_offset: Vec<(&String, &TensorInfo)> = self.tensors.iter().collect();
        by_offset.sort_by_key(|(_, info)| info.data_offsets);
        let mut expected_start = 0;
        for (name, info) in by_offset {
            let name = quoted(name);
            if info.shape.len() > MOST_DIMENSIONS {
                return Err(format!(
                    "is damaged: the tensor {name} has {} dimensions, and at most {MOST_DIMENSIONS} make sense",
                    info.shape.len()
                ));
            }
            if info.shape.contains(&0) {
                return Err(format!(
                    "the tensor {name} has shape {:?} and so holds no numbers; leave it out or save it anew",
                    info.shape
                ));
            }
            let (start, end) = info.data_offsets;
            if start != expected_start || end < start {
                return Err(format!(
                    "is damaged: the tensor {name} is said to lie at bytes {start} to {end} of the data, \
                     and must begin at {expected_start}, where the one before it ends"
                ));
            }
            if end > data_bytes {
                return Err(format!(
                    "was cut short or is damaged: the tensor {name} is said to lie at bytes {start} to {end} \
                     of the data, of which the file holds {data_bytes}"
                ));
            }
            if bytes_needed(info) != Some(end - start) {
                return Err(format!(
                    "is damaged: the tensor {name} of {:?} numbers stored as {} does not take the {} bytes \
                     that it has",
                    info.shape,
                    info.dtype,
                    end - start
                ));
            }
            expected_start = end;
        }
        if expected_start != data_bytes {
            return Err(format!(
                "is damaged: its tensors take {expected_start} bytes, but {data_bytes} bytes of data are there"
            ));
        }
        Ok(())
    }

    /// The length and the JSON as they stand at the beginning of a file, padded with spaces so that the
    /// data behind them is aligned to 8 bytes.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let mut json = serde_json::to_vec(self)
            .map_err(|error| format!("its header cannot be written: {}", one_line(&error)))?;
        json.resize(json.len().next_multiple_of(LENGTH_BYTES), b' ');
        if json.len() as u64 > LARGEST_HEADER {
            return Err(format!(
                "its header would take {} bytes, and the format allows {LARGEST_HEADER}; \
                 use fewer tensors or less metadata",
                json.len()
            ));
        }
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.append(&mut json);
        Ok(bytes)
    }
}

/// How many bytes a tensor of this shape and element type takes; none if they are no whole number or more
/// than can be counted.
fn bytes_needed(info: &TensorInfo) -> Option<usize> {
    let bits = info
        .shape
        .iter()
        .try_fold(info.dtype.bitsize(), |product, &extent| {
            product.checked_mul(extent)
        })?;
    bits.is_multiple_of(8).then_some(bits / 8)
}
