//! ASMA as calls: the network's with the two halves of the ASMA step between and after them.

use std::sync::Arc;

use super::config::{AsmaConfig, MaskMode, Multiplier, Objective, Schedule};
use super::steps::clipped_words;
use crate::attack::planner::{AsmaChoice, Calls, LedgerShape, Planned, Planner, RING_ROWS};
use crate::error::Result;
use crate::kernels::ledger::{counts_length, image_groups};
use crate::kernels::{Extent, View, asma_update, objective};
use crate::network::rewrite::{Middle, fuse_mask};
use crate::program::{BufferId, CallId, Condition, Place};

/// Adds the attack's calls to the network's.
pub(in crate::attack) fn plan(config: &AsmaConfig, planner: &mut Planner) -> Result<Planned> {
    let input = planner.network.input.shape;
    let image = Extent::from(input);
    let shape = LedgerShape {
        length: asma_update::Params::ledger_length(image, RING_ROWS),
        ring_start: asma_update::Params::ring_start(image),
    };
    let counts_length = counts_length(planner.class_count);
    let class_bits = planner.class_bits(&config.attacked(planner.class_count));
    let program = &mut planner.network.program;
    let buffers = Buffers {
        classes: program.add_constant("classes", class_bits),
        best: program.add_buffer("best adversarial image", input.elements()),
        counts: program.add_buffer("counts", input.n * 2 * counts_length),
        ledger: program.add_buffer("ledger", input.n * shape.length),
    };
    let mut asma = Asma {
        config,
        planner,
        buffers,
        counts_length: counts_length as u32,
    };
    let first_gradient = asma.add_first_gradient();
    let iterations = asma.add_iterations();
    let others = asma.others();
    let others = others.iter().map(|config| {
        let mut other = Asma {
            config,
            planner: &mut *asma.planner,
            ..asma
        };
        (config.choice(), other.add_iterations())
    });
    let others = others.collect();
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
            first_gradient,
            iterations,
            last: None,
            schedule: Vec::new(),
            others,
        },
        sections: 1,
    })
}

/// Where the attack's own tensors stand.
#[derive(Clone, Copy)]
struct Buffers {
    classes: BufferId,
    best: BufferId,
    counts: BufferId,
    ledger: BufferId,
}

struct Asma<'a> {
    config: &'a AsmaConfig,
    planner: &'a mut Planner,
    buffers: Buffers,
    counts_length: u32,
}

impl AsmaConfig {
    /// What of it is a part of the calls and can be changed under way.
    pub(in crate::attack) fn choice(&self) -> AsmaChoice {
        AsmaChoice {
            objective: self.objective,
            mask: self.mask,
            multiplier: self.multiplier,
        }
    }
}

impl Asma<'_> {
    /// Those of an even and of an odd number.
    fn add_iterations(&mut self) -> [Arc<[CallId]>; 2] {
        [0, 1].map(|parity| match self.config.schedule {
            Schedule::OneForward => self.add_one_forward(parity).into(),
            Schedule::TwoForward => self.add_two_forward(parity).into(),
        })
    }

    /// The settings that a changeable attack has calls for, besides its own. Of the two-forward schedule there are none: it is
    /// there to be reproduced.
    fn others(&self) -> Vec<AsmaConfig> {
        if !self.planner.is_changeable || self.config.schedule != Schedule::OneForward {
            return Vec::new();
        }
        let mut others = Vec::new();
        for objective in [Objective::Logit, Objective::Margin] {
            for mask in [MaskMode::Adaptive, MaskMode::Static] {
                for multiplier in [Multiplier::Dynamic, Multiplier::Static] {
                    others.push(AsmaConfig {
                        objective,
                        mask,
                        multiplier,
                        ..self.config.clone()
                    });
                }
            }
        }
        others.retain(|other| other.choice() != self.config.choice());
        others
    }

    fn add_first_gradient(&mut self) -> Vec<CallId> {
        let mask = self.add_mask(objective::WRITE_SEED, 0);
        let (forward, adjoint) = (
            self.planner.network.forward.clone(),
            self.planner.network.adjoint.clone(),
        );
        forward.chain([mask]).chain(adjoint).collect()
    }

    fn add_one_forward(&mut self, parity: u32) -> Vec<CallId> {
        let middle = self.add_middle(objective::WRITE_SEED | objective::COUNT, parity);
        let mut flags =
            asma_update::SETTLE | asma_update::STEP | asma_update::CLIP | asma_update::MULTIPLIER_FROM_COUNTS;
        if self.config.holds() {
            flags |= asma_update::HOLD;
        }
        if self.config.refines() || self.planner.is_changeable && self.config.holds() {
            flags |= asma_update::REFINE;
        }
        let update = self.add_update(flags, parity);
        let Middle { before, mask, after } = middle;
        before
            .into_iter()
            .chain([mask])
            .chain(after)
            .chain([update])
            .collect()
    }

    fn add_two_forward(&mut self, parity: u32) -> Vec<CallId> {
        let Middle { before, mask, after } = self.add_middle(objective::WRITE_SEED, parity);
        let step = self.add_update(asma_update::STEP, parity);
        let second = self.add_middle(objective::COUNT, parity);
        let settle = self.add_update(asma_update::SETTLE | asma_update::CLIP, parity);
        // Where the last clip changed nothing, what the second forward pass left is what the first would compute.
        let clipped = self.clipped(parity);
        let first = self.planner.network.program.repeat_if(&before, clipped);
        first
            .chain([mask])
            .chain(after)
            .chain([step])
            .chain(second.before)
            .chain([second.mask, settle])
            .collect()
    }

    /// What does `flags` between the network's forward and its adjoint calls: fused with the network's last
    /// convolution where it has a suitable one.
    fn add_middle(&mut self, flags: u32, parity: u32) -> Middle {
        let middle = Middle {
            before: self.planner.network.forward.clone().collect(),
            mask: self.add_mask(flags, parity),
            after: self.planner.network.adjoint.clone().collect(),
        };
        fuse_mask(&mut self.planner.network.program, middle)
    }

    /// That the iteration before one of this parity clipped a value: of each sample, what the workgroups wrote.
    fn clipped(&self, parity: u32) -> Condition {
        let image = Extent::from(self.planner.network.input.shape);
        let workgroups = image_groups(image);
        Condition {
            buffer: self.buffers.ledger,
            view: View {
                offset: clipped_words(image)[parity as usize] as u32,
                batch: asma_update::Params::ledger_length(image, RING_ROWS) as u32,
                channel: 0,
                row: 2,
            },
            extent: Extent {
                n: image.n,
                c: 1,
                h: workgroups,
                w: 1,
            },
        }
    }

    fn mode_flags(&self) -> u32 {
        match self.config.mask {
            MaskMode::Adaptive => objective::ADAPTIVE,
            MaskMode::Static => 0,
        }
    }

    fn add_mask(&mut self, flags: u32, parity: u32) -> CallId {
        let logits = self.planner.network.logits;
        self.planner.network.program.add_call(
            "asma mask",
            objective::Params {
                logits: logits.view,
                seed: self.planner.seed.view,
                extent: logits.shape.into(),
                class_count: self.planner.class_count as u32,
                objective: match self.config.objective {
                    Objective::Logit => objective::LOGIT,
                    Objective::Margin => objective::MARGIN,
                },
                flags: flags | self.mode_flags(),
                parity,
                counts_length: self.counts_length,
                schedule_rows: 0,
            },
            [logits.buffer, self.planner.target, self.buffers.classes],
            [
                (flags & objective::WRITE_SEED != 0).then_some(self.planner.seed.buffer),
                Some(self.buffers.counts),
            ],
        )
    }

    fn add_update(&mut self, flags: u32, parity: u32) -> CallId {
        let mut flags = flags;
        if self.config.multiplier == Multiplier::Static {
            flags |= asma_update::STATIC_MULTIPLIER;
        }
        if self.planner.region.is_some() {
            flags |= asma_update::REGION;
        }
        let is_capped = self.config.cap.is_some() || self.planner.is_changeable;
        if is_capped && flags & asma_update::STEP != 0 {
            flags |= asma_update::CAPPED;
        }
        let extent = Extent::from(self.planner.network.input.shape);
        let buffers = self.buffers;
        self.planner.network.program.add_call(
            "asma update",
            asma_update::Params {
                extent,
                class_count: self.planner.class_count as u32,
                flags,
                parity,
                lambda: self.config.lambda,
                ring_rows: RING_ROWS as u32,
                ledger_length: asma_update::Params::ledger_length(extent, RING_ROWS) as u32,
                counts_length: self.counts_length,
            },
            [
                Some(self.planner.gradient.buffer),
                Some(self.planner.source),
                self.planner.region,
                Some(buffers.classes),
            ],
            [
                self.planner.network.input.buffer,
                buffers.best,
                buffers.counts,
                buffers.ledger,
            ],
        )
    }
}
