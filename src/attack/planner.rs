//! What an attack's own file is given, and what it gives back.

use std::sync::Arc;

use super::asma::{MaskMode, Multiplier, Objective};
use crate::kernels::ledger;
use crate::labels::scored_classes;
use crate::network::Network;
use crate::program::{BufferId, Builder, CallId, Place};

/// Rows of the trace that stay on the device until the host has read them.
pub(super) const RING_ROWS: usize = 1024;

/// How the ledger of one sample is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct LedgerShape {
    /// Its words.
    pub(super) length: usize,
    /// The first word of the trace's rows.
    pub(super) ring_start: usize,
}

/// The calls of an attack, in the order in which they run.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    /// Calls that only compute the seed and the gradient, where something is chosen from it before the first iteration.
    pub(super) first_gradient: Vec<CallId>,
    /// Of an even and of an odd iteration.
    pub(super) iterations: [Arc<[CallId]>; 2],
    /// The same of an iteration that takes no step, which needs no gradient.
    pub(super) last: Option<[Arc<[CallId]>; 2]>,
    /// Whether each iteration takes no step, where that is known beforehand; else empty.
    pub(super) schedule: Vec<bool>,
    /// Iterations of other settings that an attack under way may be changed to.
    pub(super) others: Vec<(AsmaChoice, [Arc<[CallId]>; 2])>,
}

/// The settings of ASMA that are parts of its calls and can be changed under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AsmaChoice {
    pub(super) objective: Objective,
    pub(super) mask: MaskMode,
    pub(super) multiplier: Multiplier,
}

impl Calls {
    /// Those of iteration `number`, which is of these numbers for the samples themselves: without a step if none of them takes
    /// one.
    pub(super) fn of(&self, number: u64, mut own: impl Iterator<Item = u64>) -> &Arc<[CallId]> {
        let takes_none = |own: u64| self.schedule.get(own as usize) == Some(&true);
        let of_parities = match &self.last {
            Some(last) if own.all(takes_none) => last,
            _ => &self.iterations,
        };
        &of_parities[(number % 2) as usize]
    }
}

/// What an attack's own file adds to the network.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// Where the best image stands.
    pub(super) best: Place,
    pub(super) counts: BufferId,
    /// Words of one half of a sample's counts.
    pub(super) counts_length: usize,
    pub(super) ledger: BufferId,
    pub(super) shape: LedgerShape,
    pub(super) calls: Calls,
    /// Images that stand one behind the other in the buffer of the best one.
    pub(super) sections: usize,
}

/// The network and the tensors that every attack has, to which one adds its own calls.
pub(super) struct Planner {
    pub(super) network: Network<Builder>,
    pub(super) source: BufferId,
    pub(super) target: BufferId,
    pub(super) region: Option<BufferId>,
    pub(super) class_count: usize,
    /// Whether the settings of an attack under way may be changed.
    pub(super) is_changeable: bool,
    /// Where the gradient of the logits stands.
    pub(super) seed: Place,
    /// Where the gradient of the network's input stands.
    pub(super) gradient: Place,
}

impl Planner {
    /// The bits of each class, as words of a constant buffer.
    pub(super) fn class_bits(&self, attacked: &[u8]) -> Vec<f32> {
        let scored = scored_classes(self.class_count, attacked);
        (0..self.class_count as u32)
            .map(|class| {
                let mut bits = 0;
                if attacked.contains(&(class as u8)) {
                    bits |= ledger::CLASS_ATTACKED;
                }
                if scored.contains(&(class as u8)) {
                    bits |= ledger::CLASS_AVERAGED;
                }
                f32::from_bits(bits)
            })
            .collect()
    }
}
