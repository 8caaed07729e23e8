//! Makes programs: buffers and calls are added, and what comes of them is proved before anything can run it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::proof::prove;
use super::{Buffer, BufferId, Call, CallId, Condition, Contents, Place, Program};
use crate::error::Result;
use crate::kernels::{Element, Params, View};
use crate::tensor::Shape;

/// A program that is being made.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    pub(super) buffers: Vec<Buffer>,
    pub(super) calls: Vec<Call>,
}

impl From<&BufferId> for Option<BufferId> {
    fn from(id: &BufferId) -> Self {
        Some(*id)
    }
}

impl Builder {
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

    /// Makes a buffer of zeros at least this long.
    pub(crate) fn lengthen(&mut self, id: BufferId, length: usize) {
        if let Some(buffer) = self.buffers.get_mut(id.0) {
            buffer.length = buffer.length.max(length);
        }
    }

    /// The numbers of a constant, to change; none if the buffer is not constant.
    pub(crate) fn constant_mut(&mut self, id: BufferId) -> Option<&mut [f32]> {
        match &mut self.buffers.get_mut(id.0)?.contents {
            Contents::Constant(values) => Some(Arc::<Vec<f32>>::make_mut(values)),
            Contents::Zeros => None,
        }
    }

    /// The numbers of a constant; none if the buffer is not constant.
    pub(crate) fn constant(&self, id: BufferId) -> Option<&[f32]> {
        match &self.buffers.get(id.0)?.contents {
            Contents::Constant(values) => Some(values),
            Contents::Zeros => None,
        }
    }

    /// Takes the calls out, to put others in.
    pub(crate) fn take_calls(&mut self) -> Vec<Call> {
        std::mem::take(&mut self.calls)
    }

    /// Puts calls in, behind those that stand there.
    pub(crate) fn put_calls(&mut self, calls: impl IntoIterator<Item = Call>) {
        self.calls.extend(calls);
    }

    /// Adds a call at the end. `reads` and `writes` are in the order of the kernel's tables; `None` stands where the call
    /// takes no buffer.
    pub fn add_call<R, W>(
        &mut self,
        label: impl Into<Cow<'static, str>>,
        params: impl Into<Params>,
        reads: R,
        writes: W,
    ) -> CallId
    where
        R: IntoIterator<Item: Into<Option<BufferId>>>,
        W: IntoIterator<Item: Into<Option<BufferId>>>,
    {
        let reads = reads.into_iter().map(Into::into);
        let writes = writes.into_iter().map(Into::into);
        self.calls.push(Call {
            label: label.into(),
            params: params.into(),
            buffers: reads.chain(writes).collect(),
            condition: None,
        });
        self.calls.len() - 1
    }

    /// Adds `calls` once more at the end, to be left out unless `condition` holds, and returns which they are there:
    /// none if the program has not all of `calls`.
    pub fn repeat_if(&mut self, calls: &[CallId], condition: Condition) -> Range<CallId> {
        let first = self.calls.len();
        let found: Option<Vec<&Call>> = calls.iter().map(|&id| self.calls.get(id)).collect();
        let repeat = |call: &Call| Call {
            condition: Some(condition),
            ..call.clone()
        };
        let repeated: Vec<Call> = found.unwrap_or_default().into_iter().map(repeat).collect();
        self.calls.extend(repeated);
        first..self.calls.len()
    }

    /// The buffers so far, indexed by [`BufferId`].
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// The calls so far, in order.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The program, once it is proved that every call has the buffers that its kernel takes, of such elements, that
    /// every element it uses lies inside them, that no buffer which it writes is bound to it twice or constant, that
    /// indices are fixed and in range, and that parameters are such as the kernel can run.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) with the first call that is not so, and what is wrong with it.
    pub fn finish(self) -> Result<Program> {
        prove(&self.buffers, &self.calls)?;
        Ok(Program {
            buffers: self.buffers,
            calls: self.calls,
        })
    }
}
