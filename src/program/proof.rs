//! What makes a program safe to run: every call keeps inside its buffers.

use super::{Buffer, BufferId, Call, Condition, Contents};
use crate::error::{Error, Result};
use crate::kernels::{Element, Kind, Region};

/// Most elements of a buffer: shaders count them in 32 bits.
pub const MOST_ELEMENTS: u64 = u32::MAX as u64;

/// Proves `calls` over `buffers`.
///
/// # Errors
/// With the first call that is wrong, and how.
pub(super) fn prove(buffers: &[Buffer], calls: &[Call]) -> Result<()> {
    for buffer in buffers {
        check_buffer(buffer)?;
    }
    for call in calls {
        let proof = Proof { buffers, call };
        proof.check().map_err(|problem| {
            let kernel = call.params.kernel();
            Error::Usage(format!(
                "call `{}` of kernel `{}`: {problem}; mend the program",
                call.label, kernel.entry_point
            ))
        })?;
    }
    Ok(())
}

fn check_buffer(buffer: &Buffer) -> Result<()> {
    let problem = match &buffer.contents {
        _ if buffer.length as u64 > MOST_ELEMENTS => {
            format!(
                "has {} elements, and shaders count at most {MOST_ELEMENTS}; use a smaller input or batch",
                buffer.length
            )
        }
        // An empty constant has a buffer of one element all the same.
        Contents::Constant(values) if values.len().max(1) != buffer.length => {
            format!(
                "of {} elements holds {} at first; mend the program",
                buffer.length,
                values.len()
            )
        }
        _ => return Ok(()),
    };
    Err(Error::Usage(format!("buffer `{}` {problem}", buffer.name)))
}

/// A call and what it is over.
struct Proof<'p> {
    buffers: &'p [Buffer],
    call: &'p Call,
}

impl Proof<'_> {
    fn check(&self) -> Result<(), String> {
        let call = self.call;
        self.check_bindings()?;
        for extent in call.params.extents() {
            if extent.elements() == 0 {
                return Err(format!(
                    "{}×{}×{}×{} is an extent of no elements",
                    extent.n, extent.c, extent.h, extent.w
                ));
            }
            if extent.elements() > MOST_ELEMENTS {
                return Err(format!(
                    "{}×{}×{}×{} elements are more than the {MOST_ELEMENTS} that shaders count",
                    extent.n, extent.c, extent.h, extent.w
                ));
            }
        }
        call.params.check()?;
        self.check_regions()?;
        self.check_aliases()?;
        self.check_indices()?;
        match &call.condition {
            Some(condition) => self.check_condition(condition),
            None => Ok(()),
        }
    }

    fn buffer(&self, id: BufferId) -> Result<&Buffer, String> {
        self.buffers
            .get(id.0)
            .ok_or_else(|| format!("uses buffer {}, and the program has {}", id.0, self.buffers.len()))
    }

    /// As many buffers as the kernel takes, each of elements that it takes there.
    fn check_bindings(&self) -> Result<(), String> {
        let kernel = self.call.params.kernel();
        let wanted = kernel.reads.len() + kernel.writes.len();
        if self.call.buffers.len() != wanted {
            return Err(format!(
                "has {} buffers, and the kernel takes {} that it reads and {} that it writes",
                self.call.buffers.len(),
                kernel.reads.len(),
                kernel.writes.len()
            ));
        }
        for (binding, id) in self.call.bound() {
            let buffer = self.buffer(id)?;
            if buffer.element == Element::Half && binding.kind != Kind::Real {
                return Err(format!(
                    "has buffer `{}` of float16 for `{}`, which takes only words",
                    buffer.name, binding.name
                ));
            }
        }
        Ok(())
    }

    /// Each buffer there where the call takes one, and large enough; what is written, without overlap.
    fn check_regions(&self) -> Result<(), String> {
        let kernel = self.call.params.kernel();
        let needs = self.call.params.needs();
        let written = kernel.reads.len();
        for (index, ((binding, id), need)) in kernel.bindings().zip(&self.call.buffers).zip(needs).enumerate()
        {
            let name = binding.name;
            let id = match (id, need.present) {
                (Some(id), true) => *id,
                (None, false) => continue,
                (Some(_), false) => return Err(format!("has a buffer for `{name}`, of which it takes none")),
                (None, true) => return Err(format!("has no buffer for `{name}`")),
            };
            let buffer = self.buffer(id)?;
            if need.length() > buffer.length as u128 {
                return Err(format!(
                    "`{name}` reaches to element {} of buffer `{}`, which has {}",
                    need.length(),
                    buffer.name,
                    buffer.length
                ));
            }
            if let Region::Tensor(view, extent) = need.region
                && index >= written
                && !view.is_ordered(extent)
            {
                return Err(format!(
                    "`{name}` is written through {view:?}, in which elements of {extent:?} overlap or stand out of order"
                ));
            }
        }
        Ok(())
    }

    /// No written buffer bound twice, none constant.
    fn check_aliases(&self) -> Result<(), String> {
        for (position, id) in self.call.writes().iter().enumerate() {
            let Some(id) = id else { continue };
            let buffer = self.buffer(*id)?;
            let others = &self.call.writes()[..position];
            if self
                .call
                .reads()
                .iter()
                .chain(others)
                .any(|other| other == &Some(*id))
            {
                return Err(format!("has the written buffer `{}` bound twice", buffer.name));
            }
            if matches!(buffer.contents, Contents::Constant(_)) {
                return Err(format!("writes the constant buffer `{}`", buffer.name));
            }
        }
        Ok(())
    }

    /// Indices that nobody can change, each inside what it counts in.
    fn check_indices(&self) -> Result<(), String> {
        let Some(places) = self.call.params.indices() else {
            return Ok(());
        };
        let [Some(indices), Some(counted)] = places.map(|place| self.call.buffers[place]) else {
            return Ok(());
        };
        let (indices, counted) = (self.buffer(indices)?, self.buffer(counted)?);
        let Contents::Constant(words) = &indices.contents else {
            return Err(format!("its indices `{}` are not constant", indices.name));
        };
        let outside = words
            .iter()
            .map(|word| word.to_bits())
            .find(|&index| index as usize >= counted.length);
        match outside {
            Some(index) => Err(format!(
                "`{}` has index {index}, and buffer `{}` has {} elements",
                indices.name, counted.name, counted.length
            )),
            None => Ok(()),
        }
    }

    /// A condition on words that stand in their buffer, each looked at once, and that the call itself does not write.
    fn check_condition(&self, condition: &Condition) -> Result<(), String> {
        let buffer = self.buffer(condition.buffer)?;
        let end = condition.view.end(condition.extent);
        if condition.extent.elements() > MOST_ELEMENTS || end > buffer.length as u128 {
            return Err(format!(
                "its condition reaches to element {end} of buffer `{}`, which has {}",
                buffer.name, buffer.length
            ));
        }
        if !condition.view.is_ordered(condition.extent) {
            return Err(format!(
                "its condition asks buffer `{}` through {:?}, in which elements of {:?} overlap or stand out of order",
                buffer.name, condition.view, condition.extent
            ));
        }
        if buffer.element == Element::Half {
            return Err(format!("its condition is on buffer `{}` of float16", buffer.name));
        }
        match self.call.writes().contains(&Some(condition.buffer)) {
            true => Err(format!(
                "writes buffer `{}`, on which its condition is",
                buffer.name
            )),
            false => Ok(()),
        }
    }
}
