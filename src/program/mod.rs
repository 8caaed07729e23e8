//! What executors run: a straight-line list of kernel calls over numbered buffers, forward and adjoint calls
//! alike, lowered once from a network at one input size.

mod executor;
mod gating;
mod halves;
mod lower;
mod memory;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::kernels::{Element, Extent, MatrixUnits, Params, Specialisation, View};
use crate::tensor::{Shape, Tensor};

pub use executor::{Ceilings, Executor, Readback};
pub(crate) use halves::round_slice_to_half;
pub use lower::{Gradients, LoweringOptions, Network, Precision, Trainable, lower};

/// The number of a buffer in its [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub usize);

/// The number of a call in its [`Program`].
pub type CallId = usize;

/// What a buffer holds before the first call.
#[derive(Clone, Debug)]
pub enum Contents {
    /// Zeros; what calls write stays until they write again.
    Zeros,
    /// These words, which no call changes: weights, coefficients. Of a buffer of float16, floats that are such.
    Constant(Arc<Vec<f32>>),
}

/// A buffer of a [`Program`].
#[derive(Clone, Debug)]
pub struct Buffer {
    /// Name of the tensor that lives in it, or of the largest if several share it; for messages.
    pub name: String,
    /// Elements.
    pub length: usize,
    /// How an element is stored where that matters: executors hand out float16 as words of float32.
    pub element: Element,
    /// What it holds at first.
    pub contents: Contents,
}

impl Buffer {
    /// Bytes of all elements.
    pub fn bytes(&self) -> u64 {
        self.element.bytes() * self.length as u64
    }
}

/// When a call has to run: if any element seen through the view is not zero in all its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Where the elements stand.
    pub buffer: BufferId,
    /// Where in it.
    pub view: View,
    /// How many.
    pub extent: Extent,
}

impl Condition {
    /// Whether it holds, for the words of its buffer. Words that are missing count as zero.
    pub fn holds(&self, words: &[f32]) -> bool {
        let Shape { n, c, h, w } = self.extent.into();
        (0..n * c * h * w).any(|i| {
            let place = self.view.at(i / (c * h * w), i / (h * w) % c, i / w % h, i % w);
            words.get(place).is_some_and(|word| word.to_bits() != 0)
        })
    }
}

/// One call of one kernel.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which node of the network, and which part of its work, for messages and timings.
    pub label: Cow<'static, str>,
    /// The kernel and its parameters.
    pub params: Params,
    /// Buffers in the order of the kernel's reads.
    pub reads: Vec<BufferId>,
    /// Buffers in the order of the kernel's writes.
    pub writes: Vec<BufferId>,
    /// When it has to run, if not always: an executor may leave it out otherwise, but need not. Its buffer is not one
    /// that the calls of the same condition write.
    pub condition: Option<Condition>,
}

/// Where a tensor lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// In which buffer.
    pub buffer: BufferId,
    /// Where in it.
    pub view: View,
    /// Its shape.
    pub shape: Shape,
}

impl Place {
    /// The tensor that stands here in the words of its buffer. Words that are missing read as 0.
    pub fn gather(&self, words: &[f32]) -> Tensor {
        Tensor::from_fn(self.shape, |n, c, y, x| {
            words.get(self.view.at(n, c, y, x)).copied().unwrap_or(0.0)
        })
    }
}

/// Buffers and the calls over them.
#[derive(Clone, Debug, Default)]
pub struct Program {
    buffers: Vec<Buffer>,
    calls: Vec<Call>,
}

impl Program {
    /// An empty program.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a buffer of `length` 4-byte elements that holds zeros at first.
    pub fn add_buffer(&mut self, name: impl Into<String>, length: usize) -> BufferId {
        self.push_buffer(name.into(), length, Contents::Zeros)
    }

    /// Adds a buffer with fixed contents.
    pub fn add_constant(&mut self, name: impl Into<String>, values: Vec<f32>) -> BufferId {
        self.push_buffer(name.into(), values.len(), Contents::Constant(Arc::new(values)))
    }

    /// Adds a dense tensor that holds zeros at first.
    pub fn add_tensor(&mut self, name: impl Into<String>, shape: Shape) -> Place {
        Place {
            buffer: self.add_buffer(name, shape.elements()),
            view: View::dense(shape),
            shape,
        }
    }

    fn push_buffer(&mut self, name: String, length: usize, contents: Contents) -> BufferId {
        self.buffers.push(Buffer {
            name,
            // No device allows an empty buffer.
            length: length.max(1),
            element: Element::Word,
            contents,
        });
        BufferId(self.buffers.len() - 1)
    }

    /// Adds a call at the end. `reads` and `writes` are in the order of the kernel's tables.
    pub fn add_call(
        &mut self,
        label: impl Into<Cow<'static, str>>,
        params: impl Into<Params>,
        reads: &[BufferId],
        writes: &[BufferId],
    ) -> CallId {
        let params = params.into();
        debug_assert_eq!(params.kernel().reads.len(), reads.len());
        debug_assert_eq!(params.kernel().writes.len(), writes.len());
        self.calls.push(Call {
            label: label.into(),
            params,
            reads: reads.to_vec(),
            writes: writes.to_vec(),
            condition: None,
        });
        self.calls.len() - 1
    }

    /// Adds `calls` once more at the end, to be left out unless `condition` holds, and returns which they are there:
    /// none if the program has not all of `calls`.
    pub fn repeat_if(&mut self, calls: Range<CallId>, condition: Condition) -> Range<CallId> {
        let first = self.calls.len();
        let repeated: Vec<Call> = self
            .calls
            .get(calls)
            .unwrap_or_default()
            .iter()
            .map(|call| Call {
                condition: Some(condition),
                ..call.clone()
            })
            .collect();
        self.calls.extend(repeated);
        first..self.calls.len()
    }

    /// The buffers, indexed by [`BufferId`].
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// The calls in order.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Bytes of all buffers together, known before anything is allocated.
    pub fn bytes(&self) -> u64 {
        self.buffers.iter().map(Buffer::bytes).sum()
    }

    /// The buffer of most bytes.
    pub fn largest_buffer(&self) -> Option<&Buffer> {
        self.buffers.iter().max_by_key(|buffer| buffer.bytes())
    }

    /// What the shader of a call is specialised for on a device with these matrix units.
    pub fn specialisation(&self, call: &Call, matrix_units: Option<MatrixUnits>) -> Specialisation {
        let element = |id: &BufferId| {
            self.buffers
                .get(id.0)
                .map_or(Element::Word, |buffer| buffer.element)
        };
        Specialisation {
            elements: call.reads.iter().chain(&call.writes).map(element).collect(),
            matrix_units,
        }
    }
}
