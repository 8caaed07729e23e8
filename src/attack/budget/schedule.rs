//! What depends on an iteration's number alone, as rows that the device reads.

use super::config::{BudgetConfig, Loss, Rule};
use crate::kernels::attack_step::{
    ROW_BISECTS, ROW_CHECK, ROW_END, ROW_FIRST, ROW_FROM_BEST, ROW_LAST, ROW_RANDOM, ROW_WIDE,
};
use crate::kernels::ledger::{
    SCHEDULE_CORRECTION, SCHEDULE_KIND, SCHEDULE_LENGTH, SCHEDULE_NEXT_RADIUS, SCHEDULE_PARAMETER,
    SCHEDULE_RADIUS, SCHEDULE_SEED, SCHEDULE_STEP, SCHEDULE_WINDOW,
};

/// The words of an iteration.
pub type Row = [u32; SCHEDULE_LENGTH];

/// Steps within one radius.
#[derive(Clone, Copy, Debug)]
struct Phase {
    steps: u32,
    /// In units of `eps`.
    radius: f32,
    /// How the phase begins, as the row before it says.
    start: u32,
    /// What its rows are, and what its last one is besides.
    kind: u32,
    last: u32,
}

/// The budgets of SEA's phases, in units of `eps`.
const SHRINKING: [f32; 3] = [2.0, 1.5, 1.0];

fn phases(config: &BudgetConfig) -> Vec<Phase> {
    let start = if config.random_start { ROW_RANDOM } else { 0 };
    let once: Vec<Phase> = match config.shrinking {
        false => vec![Phase {
            steps: config.steps,
            radius: 1.0,
            start,
            kind: 0,
            last: 0,
        }],
        true => {
            let third = (3 * config.steps) / 10;
            let steps = [third, third, config.steps - 2 * third];
            let phases = SHRINKING.into_iter().zip(steps).enumerate();
            phases
                .map(|(number, (radius, steps))| Phase {
                    steps,
                    radius,
                    start: if number == 0 { start } else { ROW_FROM_BEST },
                    kind: if radius > 1.0 { ROW_WIDE } else { 0 },
                    last: 0,
                })
                .collect()
        }
    };
    let mut round: Vec<Phase> = (0..config.restarts).flat_map(|_| once.iter().copied()).collect();
    if let (Some(last), Some(_)) = (round.last_mut(), config.minimise) {
        last.last = ROW_BISECTS;
    }
    let rounds = config.minimise.map_or(1, |minimise| minimise.rounds);
    (0..rounds).flat_map(|_| round.iter().copied()).collect()
}

/// The seed of a phase's noise.
pub fn seed(config: &BudgetConfig, phase: usize) -> u32 {
    config.seed.wrapping_add((phase as u32).wrapping_mul(0x9e37_79b9))
}

/// A row for each iteration.
pub fn rows(config: &BudgetConfig) -> Vec<Row> {
    let phases = phases(config);
    let mut rows = Vec::new();
    for (number, phase) in phases.iter().enumerate() {
        let checks = match config.rule {
            Rule::Momentum => checks(phase.steps),
            _ => Vec::new(),
        };
        for count in 0..=phase.steps {
            let mut row = [0; SCHEDULE_LENGTH];
            let mut set = |word: usize, value: f32| row[word] = value.to_bits();
            let share = count as f32 / phase.steps.max(1) as f32;
            set(
                SCHEDULE_PARAMETER,
                match config.loss {
                    Loss::Tsallis => -2.0 + 3.0 * share,
                    _ => share / 2.0,
                },
            );
            set(SCHEDULE_RADIUS, phase.radius * config.eps);
            let bias = |kept: f64| 1.0 - kept.powi(count as i32 + 1);
            match config.rule {
                Rule::Adam => {
                    set(SCHEDULE_STEP, (f64::from(config.alpha) / bias(0.9)) as f32);
                    set(SCHEDULE_CORRECTION, (1.0 / bias(0.999).sqrt()) as f32);
                }
                _ => set(SCHEDULE_STEP, phase.radius * config.alpha),
            }
            let mut kind = phase.kind;
            if count == 0 {
                kind |= ROW_FIRST;
            }
            if let Some(&(_, window)) = checks.iter().find(|(check, _)| *check == count) {
                kind |= ROW_CHECK;
                row[SCHEDULE_WINDOW] = window;
            }
            if count == phase.steps {
                kind |= ROW_LAST | phase.last;
                match phases.get(number + 1) {
                    Some(next) => {
                        kind |= next.start;
                        row[SCHEDULE_NEXT_RADIUS] = (next.radius * config.eps).to_bits();
                        row[SCHEDULE_SEED] = seed(config, number + 1);
                    }
                    None => kind |= ROW_END,
                }
            }
            row[SCHEDULE_KIND] = kind;
            rows.push(row);
        }
    }
    rows
}

/// Whether an iteration of these words takes no step.
pub fn is_last(row: &Row) -> bool {
    row[SCHEDULE_KIND] & ROW_LAST != 0
}

/// After how many steps APGD looks whether they are too long, and how many there were since the last time.
fn checks(steps: u32) -> Vec<(u32, u32)> {
    let share = |part: f64, least: u32| ((part * f64::from(steps)) as u32).max(least);
    let (mut window, least, less) = (share(0.22, 1), share(0.06, 1), share(0.03, 1));
    let mut checks = Vec::new();
    let mut count = 0;
    while count + window <= steps {
        count += window;
        checks.push((count, window));
        window = window.saturating_sub(less).max(least);
    }
    checks
}

/// How far the first phase may go from the source.
pub fn first_radius(config: &BudgetConfig) -> f32 {
    match config.shrinking {
        true => SHRINKING[0] * config.eps,
        false => config.eps,
    }
}
