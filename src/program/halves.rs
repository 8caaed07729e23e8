//! Which buffers hold float16.

use std::sync::Arc;

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::{Buffer, BufferId, Builder, Contents};
use crate::kernels::{Element, Kind};

impl Builder {
    /// Stores every buffer as float16 that all kernels which use it can have so, but for those in `words`. Constants
    /// are rounded to the nearest; those that are then not all finite stay as they are.
    pub fn store_as_halves(&mut self, words: &[BufferId]) {
        let mut can_be: Vec<bool> = (0..self.buffers.len())
            .map(|id| !words.contains(&BufferId(id)))
            .collect();
        for call in &self.calls {
            for (binding, id) in call.bound() {
                can_be[id.0] &= binding.kind == Kind::Real;
            }
            if let Some(condition) = &call.condition {
                can_be[condition.buffer.0] = false;
            }
        }
        let convertible = self.buffers.iter_mut().zip(can_be).filter(|(_, can_be)| *can_be);
        convertible.for_each(|(buffer, _)| store_as_half(buffer));
    }
}

fn store_as_half(buffer: &mut Buffer) {
    if let Contents::Constant(values) = &buffer.contents {
        let mut rounded = values.to_vec();
        round_slice_to_half(&mut rounded);
        if rounded.iter().any(|value| !value.is_finite()) {
            return;
        }
        buffer.contents = Contents::Constant(Arc::new(rounded));
    }
    buffer.element = Element::Half;
}

/// Makes of each value the float16 nearest to it: infinite from 65520 on.
pub(crate) fn round_slice_to_half(values: &mut [f32]) {
    // As slices, which the library converts several at a time.
    let mut halves = [f16::ZERO; 64];
    for values in values.chunks_mut(halves.len()) {
        let halves = &mut halves[..values.len()];
        halves.convert_from_f32_slice(values);
        halves.convert_to_f32_slice(values);
    }
}
