//! The calls of PDPGD: twenty beside the network's.

use super::parts::Minimal;
use crate::kernels::proximal_clip::{CLIP, KEEP, ROUNDS};
use crate::kernels::{pdpgd_seed, pdpgd_step, proximal_rounds};
use crate::program::{BufferId, CallId};

/// Where the tensors of this attack stand.
#[derive(Clone, Copy)]
struct Buffers {
    duals: BufferId,
    moments: BufferId,
    anchor: BufferId,
    rounds: BufferId,
}

/// The calls of an even and of an odd iteration, and those of one that takes no step.
pub(super) fn add_iterations(minimal: &mut Minimal<'_>) -> [[Vec<CallId>; 2]; 2] {
    let pixels = (minimal.output.h * minimal.output.w) as usize;
    let elements = (minimal.image.c * minimal.image.h * minimal.image.w) as usize;
    let buffers = Buffers {
        duals: minimal.add_buffer("duals", pdpgd_seed::PLANES * pixels),
        moments: minimal.add_buffer("moments", 2 * elements),
        anchor: minimal.add_buffer("anchor", elements),
        rounds: minimal.add_buffer("rounds", proximal_rounds::rounds_length(minimal.image)),
    };
    let iterations = [0, 1].map(|parity| {
        let mut calls = add_look(minimal, buffers, parity);
        calls.extend(minimal.planner.network.adjoint.clone());
        calls.push(add_step(minimal, buffers, parity));
        calls.push(minimal.add_settlement(parity, 0));
        calls.extend(add_rounds(minimal, buffers, parity));
        let (anchor, metric) = (Some(buffers.anchor), Some(minimal.buffers.metric));
        let reads = [anchor, metric, None, Some(buffers.rounds)];
        calls.push(minimal.add_clip(parity, KEEP | CLIP | ROUNDS, reads));
        calls
    });
    let last = [0, 1].map(|parity| {
        let mut calls = add_look(minimal, buffers, parity);
        calls.push(minimal.add_settlement(parity, 0));
        calls.push(minimal.add_keep(parity));
        calls
    });
    [iterations, last]
}

/// From the image at hand to the seed.
fn add_look(minimal: &mut Minimal<'_>, buffers: Buffers, parity: u32) -> Vec<CallId> {
    let mut calls: Vec<CallId> = minimal.planner.network.forward.clone().collect();
    let (logits, seed) = (minimal.planner.network.logits, minimal.planner.seed);
    let params = pdpgd_seed::Params {
        logits: logits.view,
        seed: seed.view,
        extent: minimal.output,
        class_count: minimal.planner.class_count as u32,
        flags: minimal.targeted(),
        parity,
        ledger_length: minimal.ledger_length,
    };
    let own = minimal.buffers;
    calls.push(minimal.planner.network.program.add_call(
        "dual weights",
        params,
        &[logits.buffer, minimal.planner.target, own.ledger],
        &[seed.buffer, buffers.duals, own.counts, own.sums],
    ));
    calls
}

/// The gradient step.
fn add_step(minimal: &mut Minimal<'_>, buffers: Buffers, parity: u32) -> CallId {
    let planner = &mut *minimal.planner;
    let params = pdpgd_step::Params {
        extent: minimal.image,
        flags: planner.region.map_or(0, |_| pdpgd_step::REGION),
        parity,
        ledger_length: minimal.ledger_length,
    };
    let own = minimal.buffers;
    planner.network.program.add_call(
        "gradient step",
        params,
        [
            Some(planner.gradient.buffer),
            Some(planner.source),
            Some(planner.network.input.buffer),
            planner.region,
        ],
        [buffers.moments, own.metric, buffers.anchor, own.ledger],
    )
}

/// The search for how far the rounds of the proximal step clip.
fn add_rounds(minimal: &mut Minimal<'_>, buffers: Buffers, parity: u32) -> Vec<CallId> {
    let params = |number| proximal_rounds::Params {
        extent: minimal.image,
        parity,
        number,
        ledger_length: minimal.ledger_length,
    };
    let reads = [buffers.anchor, minimal.buffers.metric, minimal.buffers.ledger];
    let program = &mut minimal.planner.network.program;
    let mut add = |number| program.add_call("proximal rounds", params(number), reads, [buffers.rounds]);
    (0..proximal_rounds::CALLS).map(&mut add).collect()
}
