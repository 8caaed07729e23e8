//! An attack with a budget as calls: the network's, the objective between them, and after them the step, which where it needs
//! lengths is measured first.

use super::config::{BudgetConfig, Keep, Loss, Norm, Rate, Rule};
use super::schedule::{self, Row};
use crate::attack::Purpose;
use crate::attack::planner::{Calls, LedgerShape, Planned, Planner, RING_ROWS};
use crate::error::Result;
use crate::kernels::ledger::{LEAST_PIXELS_OF_LOSS, counts_and_losses_length};
use crate::kernels::{Extent, attack_step, objective};
use crate::network::rewrite::{Middle, fuse_mask};
use crate::program::{BufferId, CallId, Place};

/// Adds the attack's calls to the network's.
pub(in crate::attack) fn plan(config: &BudgetConfig, planner: &mut Planner) -> Result<Planned> {
    let input = planner.network.input.shape;
    let image = Extent::from(input);
    let pixels = planner.network.logits.shape.pixels();
    let rows = schedule::rows(config);
    let shape = LedgerShape {
        length: attack_step::Params::ledger_length(image, RING_ROWS),
        ring_start: attack_step::Params::ring_start(image),
    };
    let counts_length = counts_and_losses_length(planner.class_count, pixels);
    let settings = settings(config, planner, &rows);
    let channels = planner.network.logits.shape.c;
    let flags = flags(config, channels, planner.region.is_some());
    let sections = attack_step::sections(flags) as usize;
    let program = &mut planner.network.program;
    let buffers = Buffers {
        settings: program.add_constant("settings", settings),
        memory: program.add_buffer("best adversarial image and memory", sections * input.elements()),
        counts: program.add_buffer("counts", input.n * 2 * counts_length),
        ledger: program.add_buffer("ledger", input.n * shape.length),
    };
    let mut budget = Budget {
        config,
        objective: config.objective(planner.network.logits.shape.c),
        planner,
        buffers,
        counts_length: counts_length as u32,
        schedule_rows: rows.len() as u32,
        flags,
    };
    let iterations = [0, 1].map(|parity| budget.add_iteration(parity, objective::WRITE_SEED).into());
    let last = [0, 1].map(|parity| budget.add_iteration(parity, 0).into());
    Ok(Planned {
        best: Place {
            buffer: buffers.memory,
            ..planner.network.input
        },
        counts: buffers.counts,
        counts_length,
        ledger: buffers.ledger,
        shape,
        calls: Calls {
            first_gradient: Vec::new(),
            iterations,
            last: Some(last),
            schedule: rows.iter().map(schedule::is_last).collect(),
            others: Vec::new(),
        },
        sections,
    })
}

/// Where the attack's own tensors stand.
#[derive(Clone, Copy)]
struct Buffers {
    settings: BufferId,
    memory: BufferId,
    counts: BufferId,
    ledger: BufferId,
}

struct Budget<'a> {
    config: &'a BudgetConfig,
    objective: u32,
    planner: &'a mut Planner,
    buffers: Buffers,
    counts_length: u32,
    schedule_rows: u32,
    /// Of the step.
    flags: u32,
}

impl Budget<'_> {
    /// Adds one iteration; without `seed` only a look at where the steps led.
    fn add_iteration(&mut self, parity: u32, seed: u32) -> Vec<CallId> {
        let Middle { before, mask, after } = self.add_middle(seed, parity);
        let mut calls: Vec<CallId> = before.into_iter().chain([mask]).collect();
        if seed != 0 {
            calls.extend(after);
        }
        if self.flags & (attack_step::UNIT | attack_step::LARGEST | attack_step::WITHIN_LENGTH) != 0 {
            calls.push(self.add_step(attack_step::MEASURE, parity));
        }
        if self.flags & attack_step::MOMENTUM != 0 && self.flags & attack_step::WITHIN_LENGTH != 0 {
            calls.push(self.add_step(attack_step::CANDIDATE, parity));
        }
        calls.push(self.add_step(0, parity));
        calls
    }

    /// The objective between the network's forward and its adjoint calls: fused with the network's last convolution where it has
    /// a suitable one.
    fn add_middle(&mut self, seed: u32, parity: u32) -> Middle {
        let logits = self.planner.network.logits;
        let targeted = match self.config.purpose {
            Purpose::Targeted => objective::TARGETED,
            Purpose::Untargeted => 0,
        };
        let mask = self.planner.network.program.add_call(
            "objective",
            objective::Params {
                logits: logits.view,
                seed: self.planner.seed.view,
                extent: logits.shape.into(),
                class_count: self.planner.class_count as u32,
                objective: self.objective,
                flags: seed | objective::COUNT | objective::LOSS | targeted,
                parity,
                counts_length: self.counts_length,
                schedule_rows: self.schedule_rows,
            },
            [logits.buffer, self.planner.target, self.buffers.settings],
            [
                (seed != 0).then_some(self.planner.seed.buffer),
                Some(self.buffers.counts),
            ],
        );
        let middle = Middle {
            before: self.planner.network.forward.clone().collect(),
            mask,
            after: self.planner.network.adjoint.clone().collect(),
        };
        fuse_mask(&mut self.planner.network.program, middle)
    }

    fn add_step(&mut self, more: u32, parity: u32) -> CallId {
        let pixels = self.planner.network.logits.shape.pixels();
        let params = attack_step::Params {
            extent: self.planner.network.input.shape.into(),
            class_count: self.planner.class_count as u32,
            flags: self.flags | more,
            parity,
            counts_length: self.counts_length,
            schedule_rows: self.schedule_rows,
            ring_rows: RING_ROWS as u32,
            ledger_length: attack_step::Params::ledger_length(
                self.planner.network.input.shape.into(),
                RING_ROWS,
            ) as u32,
            pixels: pixels as u32,
            loss_sums: pixels.div_ceil(LEAST_PIXELS_OF_LOSS) as u32,
            loss_scale: match self.config.loss {
                Loss::Dense => 1.0,
                _ => 1.0 / pixels as f32,
            },
            tracked: self.tracked(),
            gradient_scale: 1.0 / pixels as f32,
        };
        self.planner.network.program.add_call(
            "attack step",
            params,
            [
                Some(self.planner.gradient.buffer),
                Some(self.planner.source),
                self.planner.region,
                Some(self.buffers.settings),
            ],
            [
                self.planner.network.input.buffer,
                self.buffers.memory,
                self.buffers.counts,
                self.buffers.ledger,
            ],
        )
    }

    /// 1 where the loss that the schedule looks at is to rise, −1 where it is to fall.
    fn tracked(&self) -> f32 {
        let loss = self.config.loss_of(self.planner.network.logits.shape.c);
        match (loss, self.config.purpose) {
            // Of differences the seeds step up what the loss falls by.
            (Loss::Dense, _) => -1.0,
            (Loss::Difference | Loss::Ratio, Purpose::Untargeted) => -1.0,
            (Loss::Difference | Loss::Ratio, Purpose::Targeted) => 1.0,
            (_, Purpose::Untargeted) => 1.0,
            (_, Purpose::Targeted) => -1.0,
        }
    }
}

/// The flags of the step's calls.
fn flags(config: &BudgetConfig, channels: usize, region: bool) -> u32 {
    let mut flags = match (config.rule, config.norm) {
        (Rule::Adam, _) => attack_step::ADAM,
        (Rule::Largest, _) => attack_step::LARGEST,
        (_, Norm::Linf) => attack_step::SIGN,
        (_, Norm::L2) => attack_step::UNIT,
    };
    match (config.rule, config.norm) {
        (Rule::Largest, _) => {}
        (_, Norm::Linf) => flags |= attack_step::WITHIN_LARGEST,
        (_, Norm::L2) => flags |= attack_step::WITHIN_LENGTH,
    }
    let of_loss = matches!(
        config.loss_of(channels),
        Loss::Cosine | Loss::Difference | Loss::Ratio | Loss::Dense
    );
    let set = [
        (config.rule == Rule::Momentum, attack_step::MOMENTUM),
        (
            config.rule == Rule::Largest && config.published,
            attack_step::UNCLIPPED,
        ),
        (region, attack_step::REGION),
        (config.purpose == Purpose::Targeted, attack_step::TARGETED),
        (config.minimise.is_some(), attack_step::MINIMISE),
        (config.keep == Keep::Last, attack_step::KEEP_LAST),
        (config.shrinking, attack_step::PHASES),
        (
            config.rule == Rule::Momentum && config.published,
            attack_step::PUBLISHED,
        ),
        (of_loss, attack_step::TRACK_LOSS),
        (config.rate == Rate::Iou, attack_step::GOAL_OF_IOU),
    ];
    for (is_set, flag) in set {
        if is_set {
            flags |= flag;
        }
    }
    flags
}

/// The words of the classes, their weights and the schedule, as those of a constant buffer.
fn settings(config: &BudgetConfig, planner: &Planner, rows: &[Row]) -> Vec<f32> {
    let classes = planner.class_count;
    let all: Vec<u8> = (0..classes).map(|class| class as u8).collect();
    let weights = match &config.class_weights {
        Some(weights) => weights.clone(),
        None => vec![1.0; classes],
    };
    planner
        .class_bits(&all)
        .into_iter()
        .chain(weights)
        .chain(rows.iter().flatten().map(|&word| f32::from_bits(word)))
        .collect()
}
