//! The tensors and calls that both attacks for the smallest perturbation have.

use super::config::MinimalConfig;
use crate::attack::Purpose;
use crate::attack::planner::{Planner, RING_ROWS};
use crate::kernels::ledger::{STATE, STATE_LENGTH};
use crate::kernels::{Extent, alma_constraints, minimal_settle, proximal_clip};
use crate::program::{BufferId, CallId};

/// Where the tensors stand that both attacks have.
#[derive(Clone, Copy)]
pub(super) struct Buffers {
    pub(super) classes: BufferId,
    pub(super) schedule: BufferId,
    pub(super) best: BufferId,
    pub(super) counts: BufferId,
    pub(super) ledger: BufferId,
    pub(super) sums: BufferId,
    pub(super) metric: BufferId,
}

/// Adds calls to the network's.
pub(super) struct Minimal<'a> {
    pub(super) config: &'a MinimalConfig,
    pub(super) planner: &'a mut Planner,
    pub(super) buffers: Buffers,
    /// Of the images.
    pub(super) image: Extent,
    /// Of the logits.
    pub(super) output: Extent,
    pub(super) ledger_length: u32,
    pub(super) schedule_rows: u32,
}

impl Minimal<'_> {
    /// The flag of kernels that look at labels.
    pub(super) fn targeted(&self) -> u32 {
        match self.config.purpose {
            Purpose::Targeted => alma_constraints::TARGETED,
            Purpose::Untargeted => 0,
        }
    }

    /// A buffer of so many floats for each sample.
    pub(super) fn add_buffer(&mut self, name: &'static str, floats: usize) -> BufferId {
        let length = self.image.n as usize * floats;
        self.planner.network.program.add_buffer(name, length)
    }

    /// A word of the state of a parity, as an index into the ledger of the first sample.
    pub(super) fn state_word(&self, parity: u32, word: usize) -> u32 {
        (STATE + parity as usize * STATE_LENGTH + word) as u32
    }

    /// What an iteration comes to; `more` are flags.
    pub(super) fn add_settlement(&mut self, parity: u32, more: u32) -> CallId {
        let params = minimal_settle::Params {
            extent: self.image,
            output: self.output,
            class_count: self.planner.class_count as u32,
            flags: self.targeted() | more,
            parity,
            schedule_rows: self.schedule_rows,
            ring_rows: RING_ROWS as u32,
            ledger_length: self.ledger_length,
        };
        let Buffers {
            classes,
            schedule,
            sums,
            counts,
            ledger,
            ..
        } = self.buffers;
        let program = &mut self.planner.network.program;
        program.add_call("settle", params, &[classes, schedule, sums], &[counts, ledger])
    }

    /// The end of a proximal step. `reads` are the point of the step, its metric and what was found for it, where the
    /// flags ask for them.
    pub(super) fn add_clip(&mut self, parity: u32, flags: u32, reads: [Option<BufferId>; 4]) -> CallId {
        let params = proximal_clip::Params {
            extent: self.image,
            flags,
            parity,
            ledger_length: self.ledger_length,
        };
        let reads = [Some(self.planner.source)].into_iter().chain(reads);
        let writes = [
            Some(self.planner.network.input.buffer),
            (flags & proximal_clip::KEEP != 0).then_some(self.buffers.best),
            Some(self.buffers.ledger),
        ];
        let program = &mut self.planner.network.program;
        program.add_call("proximal clip", params, reads, writes)
    }

    /// Nothing but to keep the image that was settled last, if it is the best.
    pub(super) fn add_keep(&mut self, parity: u32) -> CallId {
        self.add_clip(parity, proximal_clip::KEEP, [None; 4])
    }
}
