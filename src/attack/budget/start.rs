//! Before the first iteration.

use super::config::{BudgetConfig, Norm};
use super::schedule;
use crate::attack::input::Sample;
use crate::kernels::attack_step::{
    self, GOAL, STATE_BEST_NORM, STATE_HIGH, STATE_RADIUS_SCALE, STATE_STEP_SCALE,
};
use crate::kernels::ledger::{HEADER, STATE};
use crate::tensor::Shape;

/// A distance that no image has.
const TOO_FAR: f32 = 3.0e38;

/// Sets the words of a sample's ledger back to the beginning.
pub(in crate::attack) fn begin(config: &BudgetConfig, words: &mut [u32]) {
    let goal = match config.minimise {
        Some(minimise) => minimise.rate,
        None => config.stop_rate.unwrap_or(2.0),
    };
    words[GOAL] = goal.to_bits();
    let state = &mut words[STATE..];
    state[STATE_STEP_SCALE] = 1.0f32.to_bits();
    state[STATE_RADIUS_SCALE] = 1.0f32.to_bits();
    state[STATE_HIGH] = 1.0f32.to_bits();
    state[STATE_BEST_NORM] = TOO_FAR.to_bits();
}

/// Puts how far a sample begins from its source where the first iteration looks for it.
pub(in crate::attack) fn begin_at(start: &[f32], source: &[f32], words: &mut [u32]) {
    let differences = start.iter().zip(source).map(|(a, b)| (a - b).abs());
    let (squares, largest) = differences.fold((0.0f64, 0.0f32), |(squares, largest), difference| {
        (squares + f64::from(difference).powi(2), largest.max(difference))
    });
    // As if all of it were the first workgroup's.
    words[HEADER] = (squares as f32).to_bits();
    words[HEADER + 1] = largest.to_bits();
}

/// Where the attack begins, if not at the source: noise within the first radius, the same for every sample, as far
/// as its region goes; C×H×W values, as many as an image of `shape` has.
pub(in crate::attack) fn start(config: &BudgetConfig, shape: Shape, sample: Sample<'_>) -> Option<Vec<f32>> {
    if !config.random_start {
        return None;
    }
    let pixels = shape.pixels();
    let radius = schedule::first_radius(config);
    let seed = schedule::seed(config, 0);
    let noise = |element: usize| match sample.region {
        Some(region) if region.labels()[element % pixels] == 0 => 0.0,
        _ => attack_step::noise(seed, element),
    };
    let factor = match config.norm {
        Norm::Linf => radius,
        Norm::L2 => {
            let squares: f64 = (0..sample.source.len())
                .map(|element| f64::from(noise(element)).powi(2))
                .sum();
            radius / squares.sqrt().max(1e-12) as f32
        }
    };
    let values = sample.source.iter().enumerate();
    let moved = values.map(|(element, value)| (value + factor * noise(element)).clamp(0.0, 1.0));
    Some(moved.collect())
}
