//! The tensors and calls that both attacks for the smallest perturbation have.

use super::config::MinimalConfig;
use crate::attack::Purpose;
use crate::attack::planner::{Planner, RING_ROWS};
use crate::kernels::ledger::{STATE, STATE_LENGTH};
use crate::kernels::proximal_search::PASSES;
use crate::kernels::{Extent, alma_constraints, minimal_settle, proximal_clip, proximal_search};
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
    pub(super) search: BufferId,
    /// What the proximal step is of.
    pub(super) point: BufferId,
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

    /// The search for how far a proximal step of `point` clips; with a box and a metric, or with neither.
    pub(super) fn add_search(&mut self, parity: u32, point: BufferId, in_metric: bool) -> Vec<CallId> {
        let flags = match in_metric {
            true => proximal_search::BOX | proximal_search::METRIC,
            false => 0,
        };
        let weight_offset = self.state_word(1 - parity, minimal_settle::STATE_STEP);
        let params = |number| proximal_search::Params {
            extent: self.image,
            flags,
            number,
            weight_offset,
            weight_stride: self.ledger_length,
        };
        let reads = [
            Some(point),
            in_metric.then_some(self.buffers.metric),
            in_metric.then_some(self.planner.source),
            Some(self.buffers.ledger),
        ];
        let program = &mut self.planner.network.program;
        let mut add =
            |number| program.add_call("proximal search", params(number), reads, [self.buffers.search]);
        (0..PASSES).map(&mut add).collect()
    }

    /// The end of a proximal step. `rounds` are the number of this one and the anchor of all, where there are several.
    pub(super) fn add_clip(&mut self, parity: u32, flags: u32, rounds: Option<(u32, BufferId)>) -> CallId {
        let params = proximal_clip::Params {
            extent: self.image,
            flags: flags | rounds.map_or(0, |_| proximal_clip::ROUNDS),
            parity,
            round: rounds.map_or(0, |(round, _)| round),
            ledger_length: self.ledger_length,
        };
        let reads = [
            Some(self.planner.source),
            rounds.map(|(_, anchor)| anchor),
            rounds.map(|_| self.buffers.metric),
        ];
        let when = |flag, buffer| (flags & flag != 0).then_some(buffer);
        let writes = [
            Some(self.planner.network.input.buffer),
            when(proximal_clip::CLIP, self.buffers.point),
            when(proximal_clip::KEEP, self.buffers.best),
            when(proximal_clip::CLIP, self.buffers.search),
            Some(self.buffers.ledger),
        ];
        let program = &mut self.planner.network.program;
        program.add_call("proximal clip", params, reads, writes)
    }
}
