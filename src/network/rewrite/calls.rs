//! Calls that are looked through and changed.

use std::ops::{Range, RangeTo};

use crate::kernels::{Extent, Region, View};
use crate::program::{BufferId, Call};

/// A tensor in a buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub buffer: BufferId,
    pub view: View,
    pub extent: Extent,
}

impl Part {
    /// Whether an element of this one may be one of another region of the same buffer.
    fn may_overlap(&self, region: Region) -> bool {
        let Region::Tensor(view, extent) = region else {
            return true;
        };
        // Of tensors whose samples are as far apart, each sample of one stands between two of the other or not.
        let alike = (self.view.batch, self.extent.n) == (view.batch, extent.n);
        let end = |view: View, extent: Extent| view.end(Extent { n: 1, ..extent });
        let [mine, others] = [end(self.view, self.extent), end(view, extent)];
        let within = extent.n <= 1 || mine.max(others) <= u128::from(view.batch);
        let apart = mine <= u128::from(view.offset) || others <= u128::from(self.view.offset);
        !(alike && within && apart)
    }
}

/// What rewriting asks of a call.
pub(super) trait Parts {
    /// The tensor that it has at this place in binding order.
    fn part(&self, binding: usize) -> Option<Part>;

    /// The tensor that it writes in `buffer`.
    fn written_part(&self, buffer: BufferId) -> Option<Part>;

    /// Whether it uses, or writes, something of `part`.
    fn touches(&self, part: &Part, only_writes: bool) -> bool;
}

impl Parts for Call {
    fn part(&self, binding: usize) -> Option<Part> {
        let buffer = (*self.buffers.get(binding)?)?;
        match self.params.needs().get(binding)?.region {
            Region::Tensor(view, extent) => Some(Part { buffer, view, extent }),
            Region::First(_) => None,
        }
    }

    fn written_part(&self, buffer: BufferId) -> Option<Part> {
        let index = self.writes().iter().position(|id| *id == Some(buffer))?;
        self.part(self.reads().len() + index)
    }

    fn touches(&self, part: &Part, only_writes: bool) -> bool {
        let first = if only_writes { self.reads().len() } else { 0 };
        let needs = self.params.needs();
        let bound = self.buffers.iter().zip(&needs).skip(first);
        let by_binding = bound
            .into_iter()
            .any(|(id, need)| *id == Some(part.buffer) && part.may_overlap(need.region));
        let condition = self.condition.as_ref();
        by_binding || condition.is_some_and(|condition| condition.buffer == part.buffer)
    }
}

/// Calls in order, some of them removed.
pub(super) struct Calls {
    calls: Vec<Option<Call>>,
}

impl Calls {
    pub(super) fn new(calls: Vec<Call>) -> Calls {
        Calls {
            calls: calls.into_iter().map(Some).collect(),
        }
    }

    /// Calls, removed ones among them.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Calls that are left of some.
    pub(super) fn count(&self, range: RangeTo<usize>) -> usize {
        self.calls[range].iter().flatten().count()
    }

    pub(super) fn into_remaining(self) -> Vec<Call> {
        self.calls.into_iter().flatten().collect()
    }

    pub(super) fn get(&self, id: usize) -> Option<&Call> {
        self.calls.get(id)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: usize) -> Option<&mut Call> {
        self.calls.get_mut(id)?.as_mut()
    }

    pub(super) fn remove(&mut self, id: usize) {
        if let Some(call) = self.calls.get_mut(id) {
            *call = None;
        }
    }

    /// The calls that use a buffer, in order.
    pub(super) fn uses(&self, buffer: BufferId) -> Vec<usize> {
        let using = |id: &usize| {
            self.get(*id)
                .is_some_and(|call| call.used().any(|used| used == buffer))
        };
        (0..self.calls.len()).filter(using).collect()
    }

    /// Whether a call other than `but` uses both buffers: it could not take one for the other if it writes to it.
    pub(super) fn share_a_call(&self, one: BufferId, other: BufferId, but: usize) -> bool {
        let mut users = self.uses(one).into_iter().filter(|&id| id != but);
        users.any(|id| {
            self.get(id)
                .is_some_and(|call| call.used().any(|used| used == other))
        })
    }

    fn touched(&self, part: &Part, mut range: Range<usize>, only_writes: bool) -> bool {
        range.any(|id| self.get(id).is_some_and(|call| call.touches(part, only_writes)))
    }

    /// Whether a call of `range` uses something of `part`.
    pub(super) fn uses_between(&self, part: &Part, range: Range<usize>) -> bool {
        self.touched(part, range, false)
    }

    /// Whether a call of `range` writes something of `part`.
    pub(super) fn writes_between(&self, part: &Part, range: Range<usize>) -> bool {
        self.touched(part, range, true)
    }

    /// The last call before `id` that writes something of `part`.
    pub(super) fn last_write(&self, part: &Part, id: usize) -> Option<usize> {
        (0..id)
            .rev()
            .find(|&id| self.get(id).is_some_and(|call| call.touches(part, true)))
    }

    /// Whether from call `first` on everything that uses the buffer of `part` reads just that tensor, through a view
    /// of its own, and nothing before uses it but the call that is to write it.
    pub(super) fn can_be_renamed(&self, part: &Part, first: usize) -> bool {
        self.uses(part.buffer)
            .into_iter()
            .filter(|&id| id + 1 != first)
            .all(|id| {
                let Some(call) = self.get(id).filter(|_| id >= first) else {
                    return false;
                };
                let mut params = call.params;
                call.condition.is_none()
                    && call.buffers.iter().enumerate().all(|(binding, buffer)| {
                        if *buffer != Some(part.buffer) {
                            return true;
                        }
                        // A view that another buffer is seen through too cannot be changed for this one.
                        let moved = View {
                            offset: u32::MAX,
                            ..part.view
                        };
                        let before = params;
                        if binding >= call.reads().len() || call.part(binding) != Some(*part) {
                            return false;
                        }
                        if let Some(view) = params.view_mut(binding) {
                            *view = moved;
                        }
                        let needs = params.needs().into_iter().zip(&call.buffers);
                        let moves = needs.filter(|(need, id)| {
                            id.is_some() && matches!(need.region, Region::Tensor(view, _) if view == moved)
                        });
                        let alone = moves.count() == 1;
                        params = before;
                        alone
                    })
            })
    }

    /// Lets all calls from `first` on that read `from` read `to` instead.
    pub(super) fn rename(&mut self, from: &Part, to: &Part, first: usize) {
        for call in self.calls.iter_mut().skip(first).flatten() {
            for binding in 0..call.buffers.len() {
                if call.buffers[binding] == Some(from.buffer) {
                    call.buffers[binding] = Some(to.buffer);
                    if let Some(view) = call.params.view_mut(binding) {
                        *view = to.view;
                    }
                }
            }
        }
    }
}
