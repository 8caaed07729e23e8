//! The calls of ALMA-prox: twelve beside the network's.

use super::parts::Minimal;
use crate::kernels::proximal_clip::{CLIP, KEEP};
use crate::kernels::{
    Extent, alma_constraints, alma_seed, alma_step, minimal_settle, proximal_search, select,
};
use crate::program::{BufferId, CallId};

/// Where the tensors of this attack stand.
#[derive(Clone, Copy)]
struct Buffers {
    ratios: BufferId,
    selection: BufferId,
    multipliers: BufferId,
    second_moment: BufferId,
    /// What the proximal step is of.
    point: BufferId,
    search: BufferId,
}

/// The calls of an even and of an odd iteration, and those of one that takes no step.
pub(super) fn add_iterations(minimal: &mut Minimal<'_>) -> [[Vec<CallId>; 2]; 2] {
    let pixels = (minimal.output.h * minimal.output.w) as usize;
    let elements = (minimal.image.c * minimal.image.h * minimal.image.w) as usize;
    let buffers = Buffers {
        ratios: minimal.add_buffer("ratios", pixels),
        selection: minimal.add_buffer("selection", select::LENGTH),
        multipliers: minimal.add_buffer("multipliers", alma_seed::PLANES * pixels),
        second_moment: minimal.add_buffer("second moment", elements),
        point: minimal.add_buffer("point", elements),
        search: minimal.add_buffer("search", proximal_search::search_length(minimal.image)),
    };
    let looks = [0, 1].map(|parity| add_look(minimal, buffers, parity));
    let mut iterations = looks.clone();
    for (parity, calls) in (0..).zip(&mut iterations) {
        calls.extend(minimal.planner.network.adjoint.clone());
        calls.push(add_step(minimal, buffers, parity));
        calls.extend(add_search(minimal, buffers, parity));
        calls.push(minimal.add_clip(
            parity,
            KEEP | CLIP,
            [Some(buffers.point), None, Some(buffers.search), None],
        ));
    }
    let mut last = looks;
    for (parity, calls) in (0..).zip(&mut last) {
        calls.push(minimal.add_keep(parity));
    }
    [iterations, last]
}

/// From the image at hand to the seed, and what the iteration comes to.
fn add_look(minimal: &mut Minimal<'_>, buffers: Buffers, parity: u32) -> Vec<CallId> {
    let mut calls: Vec<CallId> = minimal.planner.network.forward.clone().collect();
    let (logits, seed, labels) = (
        minimal.planner.network.logits,
        minimal.planner.seed,
        minimal.planner.target,
    );
    let class_count = minimal.planner.class_count as u32;
    let targeted = minimal.targeted();
    let published = if minimal.config.published {
        alma_seed::PUBLISHED
    } else {
        0
    };
    let rank_offset = minimal.state_word(parity, minimal_settle::STATE_RANK);
    let (output, ledger_length) = (minimal.output, minimal.ledger_length);
    let own = minimal.buffers;
    let program = &mut minimal.planner.network.program;
    let constraints = alma_constraints::Params {
        logits: logits.view,
        extent: output,
        class_count,
        flags: targeted,
        parity,
    };
    calls.push(program.add_call(
        "constraints",
        constraints,
        &[logits.buffer, labels],
        &[buffers.ratios, own.counts],
    ));
    for number in 0..select::PASSES {
        let params = select::Params {
            extent: Extent { c: 1, ..output },
            class_count,
            number,
            rank_offset,
            rank_stride: ledger_length,
        };
        let reads = [buffers.ratios, labels, own.ledger];
        calls.push(program.add_call("largest constraints", params, &reads, &[buffers.selection]));
    }
    let penalties = alma_seed::Params {
        logits: logits.view,
        seed: seed.view,
        extent: output,
        class_count,
        flags: targeted | published,
        parity,
        ledger_length,
    };
    calls.push(program.add_call(
        "penalties",
        penalties,
        &[logits.buffer, labels, own.counts, buffers.selection, own.ledger],
        &[seed.buffer, buffers.multipliers, own.sums],
    ));
    calls.push(minimal.add_settlement(parity, minimal_settle::MULTIPLIERS));
    calls
}

/// The gradient step.
fn add_step(minimal: &mut Minimal<'_>, buffers: Buffers, parity: u32) -> CallId {
    let planner = &mut *minimal.planner;
    let params = alma_step::Params {
        extent: minimal.image,
        flags: planner.region.map_or(0, |_| alma_step::REGION),
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
        [buffers.second_moment, own.metric, buffers.point, own.ledger],
    )
}

/// The search for how far the proximal step clips.
fn add_search(minimal: &mut Minimal<'_>, buffers: Buffers, parity: u32) -> Vec<CallId> {
    let weight_offset = minimal.state_word(1 - parity, minimal_settle::STATE_STEP);
    let params = |number| proximal_search::Params {
        extent: minimal.image,
        flags: proximal_search::BOX | proximal_search::METRIC,
        number,
        weight_offset,
        weight_stride: minimal.ledger_length,
    };
    let reads = [
        buffers.point,
        minimal.buffers.metric,
        minimal.planner.source,
        minimal.buffers.ledger,
    ];
    let program = &mut minimal.planner.network.program;
    let mut add = |number| program.add_call("proximal search", params(number), reads, [buffers.search]);
    (0..proximal_search::PASSES).map(&mut add).collect()
}
