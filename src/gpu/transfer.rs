//! Words of the host to the elements that the device stores, and back.

use std::borrow::Cow;

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::kernels::Element;

/// The bytes of these words on the device: a multiple of 4, as copies want it, with a zero at the end if need be.
pub(super) fn to_device(element: Element, words: &[u32]) -> Cow<'_, [u8]> {
    match element {
        Element::Word => Cow::Borrowed(bytemuck::cast_slice(words)),
        Element::Half => {
            let floats: &[f32] = bytemuck::cast_slice(words);
            let mut halves = vec![f16::ZERO; floats.len().next_multiple_of(2)];
            halves[..floats.len()].convert_from_f32_slice(floats);
            Cow::Owned(halves.iter().flat_map(|half| half.to_le_bytes()).collect())
        }
    }
}

/// Elements of a buffer, and the whole words of the device that hold them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    element: Element,
    start: usize,
    length: usize,
}

impl Window {
    pub(super) fn new(element: Element, start: usize, length: usize) -> Window {
        Window {
            element,
            start,
            length,
        }
    }

    /// Where the words begin, in bytes.
    pub(super) fn offset(self) -> u64 {
        self.element.bytes() * self.start as u64 / 4 * 4
    }

    /// How many bytes they have.
    pub(super) fn bytes(self) -> u64 {
        (self.element.bytes() * (self.start + self.length) as u64).next_multiple_of(4) - self.offset()
    }

    /// The elements, of a copy of those words.
    pub(super) fn words(self, copied: &[u8]) -> Vec<u32> {
        match self.element {
            Element::Word => bytemuck::pod_collect_to_vec(copied),
            Element::Half => {
                let halves = copied
                    .as_chunks()
                    .0
                    .iter()
                    .map(|bytes| f16::from_le_bytes(*bytes));
                let wanted = halves.skip(self.start % 2).take(self.length);
                wanted.map(|half| half.to_f32().to_bits()).collect()
            }
        }
    }
}
