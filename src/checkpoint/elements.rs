//! The numbers of a tensor: from the bytes of any readable element type to 32-bit floats, and back.

use half::{bf16, f16};
use safetensors::Dtype;

/// The numbers in `bytes` (little-endian), rounded to the nearest 32-bit float; none if weights cannot be
/// read from this element type.
pub(super) fn decode(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    match dtype {
        Dtype::F32 => Some(convert(bytes, f32::from_le_bytes)),
        Dtype::F16 => Some(convert(bytes, |number| f16::from_le_bytes(number).to_f32())),
        Dtype::BF16 => Some(convert(bytes, |number| bf16::from_le_bytes(number).to_f32())),
        Dtype::F64 => Some(convert(bytes, |number| f64::from_le_bytes(number) as f32)),
        _ => None,
    }
}

fn convert<const WIDTH: usize>(bytes: &[u8], number: impl Fn([u8; WIDTH]) -> f32) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<WIDTH>();
    numbers.iter().map(|&bytes| number(bytes)).collect()
}

/// All numbers of these tensors, one tensor behind the other, as 32-bit floats.
pub(super) fn encode<'a>(tensors: impl Iterator<Item = &'a [f32]>) -> Vec<u8> {
    tensors
        .flatten()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

/// If some of a tensor's numbers are infinite or NaN: how many, and which and where the first one is.
pub(super) fn describe_non_finite(data: &[f32], shape: &[usize]) -> Option<String> {
    let (position, first) = data.iter().enumerate().find(|(_, number)| !number.is_finite())?;
    let count = data.iter().filter(|number| !number.is_finite()).count();
    Some(format!(
        "has {count} of {} numbers that are not finite as 32-bit floats, the first {first} at index {:?}",
        data.len(),
        index_of(position, shape)
    ))
}

/// The index along each dimension of the number at `position` in row-major order.
pub(crate) fn index_of(mut position: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (index, &extent) in index.iter_mut().zip(shape).rev() {
        let extent = extent.max(1);
        *index = position % extent;
        position /= extent;
    }
    index
}
