//! An attack for the smallest perturbation as calls: the network's, and those that both have.

use super::config::{Method, MinimalConfig};
use super::parts::{Buffers, Minimal};
use super::{alma_prox, pdpgd, schedule};
use crate::attack::planner::{Calls, LedgerShape, Planned, Planner, RING_ROWS};
use crate::error::Result;
use crate::kernels::ledger::counts_length;
use crate::kernels::{Extent, minimal_settle};
use crate::program::Place;

/// Adds the attack's calls to the network's.
pub(in crate::attack) fn plan(config: &MinimalConfig, planner: &mut Planner) -> Result<Planned> {
    let input = planner.network.input.shape;
    let (image, output) = (Extent::from(input), Extent::from(planner.network.logits.shape));
    let shape = LedgerShape {
        length: minimal_settle::ledger_length(image, RING_ROWS),
        ring_start: minimal_settle::ring_start(image),
    };
    let counts_length = counts_length(planner.class_count);
    let all: Vec<u8> = (0..planner.class_count).map(|class| class as u8).collect();
    let class_bits = planner.class_bits(&all);
    let rows = schedule::rows(config);
    let program = &mut planner.network.program;
    let buffers = Buffers {
        classes: program.add_constant("classes", class_bits),
        schedule: program.add_constant("schedule", rows.as_flattened().to_vec()),
        best: program.add_buffer("best adversarial image", input.elements()),
        counts: program.add_buffer("counts", input.n * 2 * counts_length),
        ledger: program.add_buffer("ledger", input.n * shape.length),
        sums: program.add_buffer("sums", input.n * minimal_settle::sums_length(output)),
        metric: program.add_buffer("metric", input.elements()),
    };
    let mut minimal = Minimal {
        config,
        planner,
        buffers,
        image,
        output,
        ledger_length: shape.length as u32,
        schedule_rows: rows.len() as u32,
    };
    let [iterations, last] = match config.method {
        Method::AlmaProx => alma_prox::add_iterations(&mut minimal),
        Method::Pdpgd => pdpgd::add_iterations(&mut minimal),
    };
    Ok(Planned {
        best: Place {
            buffer: buffers.best,
            ..planner.network.input
        },
        counts: buffers.counts,
        counts_length,
        ledger: buffers.ledger,
        shape,
        calls: Calls {
            first_gradient: Vec::new(),
            iterations: iterations.map(Into::into),
            last: Some(last.map(Into::into)),
            schedule: (0..rows.len())
                .map(|iteration| iteration + 1 == rows.len())
                .collect(),
            others: Vec::new(),
        },
        sections: 1,
    })
}
