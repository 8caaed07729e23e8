//! What depends on an iteration's number alone, as words that the device reads, and what an attack begins with.

use super::config::{Method, MinimalConfig};
use crate::kernels::ledger::STATE;
use crate::kernels::minimal_settle::{
    COUNTED, ITERATIONS, RATE, SCHEDULE_LENGTH, STATE_SCALE, STATE_SCHEDULE,
};

/// The words of an iteration, see [`SCHEDULE_LENGTH`].
pub(super) type Row = [f32; SCHEDULE_LENGTH];

/// A row for each iteration.
pub(super) fn rows(config: &MinimalConfig) -> Vec<Row> {
    (0..config.iterations())
        .map(|iteration| row(config, iteration))
        .collect()
}

fn row(config: &MinimalConfig, iteration: u32) -> Row {
    let (i, steps) = (f64::from(iteration), f64::from(config.steps));
    // From 0 at the first step to 1 at the last; a single step is the first.
    let share = match config.steps {
        1 => 0.0,
        _ => (i / (steps - 1.0)).min(1.0),
    };
    let correction = |kept: f64| -f64::exp_m1(kept.ln() * (i + 1.0));
    match config.method {
        Method::AlmaProx => [share, correction(0.8), 0.0, 0.0],
        Method::Pdpgd => [
            0.01f64.powf(i / steps),
            correction(0.9),
            correction(0.999).sqrt(),
            0.1 * (1.0 - 0.9 * share),
        ],
    }
    .map(|value| value as f32)
}

/// Sets the words of a sample's ledger back to the beginning; so many of its pixels are counted.
pub(in crate::attack) fn begin(config: &MinimalConfig, counted: usize, words: &mut [u32]) {
    words[COUNTED] = counted as u32;
    words[RATE] = config.learning_rate.to_bits();
    words[ITERATIONS] = config.steps;
    let state = &mut words[STATE..];
    if config.method == Method::AlmaProx {
        state[STATE_SCALE] = 1.0f32.to_bits();
    }
    let schedule = row(config, 0).map(f32::to_bits);
    state[STATE_SCHEDULE..STATE_SCHEDULE + SCHEDULE_LENGTH].copy_from_slice(&schedule);
}
