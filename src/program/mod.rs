//! What executors run: a straight-line list of kernel calls over numbered buffers, forward and adjoint calls
//! alike. It is made by a [`Builder`], which proves that no call leaves its buffers.

mod builder;
mod executor;
mod halves;
mod memory;
mod proof;
mod waiting;

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::kernels::{Binding, Element, Extent, MatrixUnits, Params, Specialisation, Vendor, View};
use crate::tensor::{Shape, Tensor};

pub use builder::Builder;
pub use executor::{Arriving, Ceilings, Executor, Readback, read, submit};
pub(crate) use halves::round_slice_to_half;
pub use proof::MOST_ELEMENTS;
pub use waiting::{Awaited, awaits, wait};

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

    /// The same without the numbers of a constant.
    pub(crate) fn without_contents(&self) -> Buffer {
        Buffer {
            contents: match self.contents {
                Contents::Zeros => Contents::Zeros,
                Contents::Constant(_) => Contents::Constant(Arc::default()),
            },
            ..self.clone()
        }
    }

    /// Whether the host may write to it: not to constants, whose contents calls were proved with.
    pub(crate) fn check_writable(&self) -> Result<()> {
        match self.contents {
            Contents::Zeros => Ok(()),
            Contents::Constant(_) => Err(Error::Usage(format!(
                "buffer `{}` is constant, and was to be written; make it one that begins with zeros",
                self.name
            ))),
        }
    }

    /// Whether it holds `length` elements from `start`.
    pub(crate) fn check_range(&self, start: usize, length: usize) -> Result<()> {
        match start.checked_add(length) {
            Some(end) if end <= self.length => Ok(()),
            _ => Err(Error::Usage(format!(
                "{length} words from word {start} of buffer `{}` were asked for, but it holds {}; keep within them",
                self.name, self.length
            ))),
        }
    }
}

/// That a buffer is not one of the program's.
pub(crate) fn no_such_buffer(id: BufferId, count: usize) -> Error {
    Error::Usage(format!(
        "buffer {} was asked for, but the program has {count} buffers; name one of them",
        id.0
    ))
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
    /// Buffers in binding order: those read, then those written. None where the call takes none, as
    /// [`Need::present`](crate::kernels::Need::present) says.
    pub buffers: Vec<Option<BufferId>>,
    /// When it has to run, if not always: an executor may leave it out otherwise, but need not. Its buffer is not one
    /// that the calls of the same condition write.
    pub condition: Option<Condition>,
}

impl Call {
    /// The buffers that it only reads, in the order of the kernel's reads.
    pub fn reads(&self) -> &[Option<BufferId>] {
        &self.buffers[..self.params.kernel().reads.len().min(self.buffers.len())]
    }

    /// The buffers that it writes, in the order of the kernel's writes.
    pub fn writes(&self) -> &[Option<BufferId>] {
        &self.buffers[self.params.kernel().reads.len().min(self.buffers.len())..]
    }

    /// Its buffers, each with what the kernel calls it; not that of its condition.
    pub fn bound(&self) -> impl Iterator<Item = (&'static Binding, BufferId)> + Clone {
        let bindings = self.params.kernel().bindings();
        bindings
            .zip(&self.buffers)
            .filter_map(|(binding, id)| Some((binding, (*id)?)))
    }

    /// All buffers that it uses, that of its condition too.
    pub fn used(&self) -> impl Iterator<Item = BufferId> {
        let condition = self.condition.iter().map(|condition| condition.buffer);
        self.buffers.iter().copied().flatten().chain(condition)
    }
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
    /// Where sample `index` alone lies, if there is one.
    pub fn sample(self, index: usize) -> Option<Place> {
        (index < self.shape.n).then_some(Place {
            view: self.view.beginning([index, 0, 0, 0]),
            shape: Shape { n: 1, ..self.shape },
            ..self
        })
    }

    /// The tensor that stands here in the words of its buffer. Words that are missing read as 0.
    pub fn gather(&self, words: &[f32]) -> Tensor {
        Tensor::from_fn(self.shape, |n, c, y, x| {
            words.get(self.view.at(n, c, y, x)).copied().unwrap_or(0.0)
        })
    }
}

/// Buffers and the calls over them, proved by [`Builder::finish`] to keep inside one another: no call of it, in whatever
/// order, reads or writes outside its buffers, and none changes a constant.
#[derive(Clone, Debug, Default)]
pub struct Program {
    buffers: Vec<Buffer>,
    calls: Vec<Call>,
}

impl Program {
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

    /// What the shader of a call is specialised for on a device with these matrix units, by whomever.
    pub fn specialisation(&self, call: &Call, matrix_units: Option<MatrixUnits>) -> Specialisation {
        let element = |id: &Option<BufferId>| {
            let buffer = id.and_then(|id| self.buffers.get(id.0));
            buffer.map_or(Element::Word, |buffer| buffer.element)
        };
        Specialisation {
            elements: call.buffers.iter().map(element).collect(),
            matrix_units,
            vendor: Vendor::Other,
        }
    }
}
