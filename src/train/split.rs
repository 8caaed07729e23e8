//! Which samples are kept for validation, and in which order an epoch goes through the others.

use super::random::{Random, derived_seed};
use crate::error::{Error, Result};

/// What [`split`] and [`epoch_order`] derive their seeds with, so that one seed for both does not give
/// related orders.
const FOR_SPLIT: u64 = 1;
const FOR_EPOCHS: u64 = 2;

/// Chooses at random which of `count` samples are trained on and which are kept for validation: the indices
/// of both, each ascending. `fraction` of the samples are validated on, rounded, but at least one is, and at
/// least one is trained on. The same numbers give the same answer on every machine.
///
/// # Errors
/// If there are fewer than two samples, or `fraction` is not between 0 and 1, both excluded.
pub fn split(count: usize, fraction: f32, seed: u64) -> Result<(Vec<usize>, Vec<usize>)> {
    if !(fraction > 0.0 && fraction < 1.0) {
        return Err(Error::Usage(format!(
            "{fraction} is no share of the samples for validation; give a number between 0 and 1, such as 0.2"
        )));
    }
    if count < 2 {
        let samples = if count == 1 {
            "is 1 sample"
        } else {
            "are 0 samples"
        };
        return Err(Error::Usage(format!(
            "there {samples}, and one for training and one for validation are the least; give more images"
        )));
    }
    let wanted = (count as f64 * f64::from(fraction)).round() as usize;
    let mut validation = shuffled(count, derived_seed(seed, &[FOR_SPLIT]));
    let mut training = validation.split_off(wanted.clamp(1, count - 1));
    training.sort_unstable();
    validation.sort_unstable();
    Ok((training, validation))
}

/// The order in which epoch number `epoch` goes through `count` samples: each index once, another order for
/// each epoch, and the same on every machine.
pub fn epoch_order(count: usize, seed: u64, epoch: u64) -> Vec<usize> {
    shuffled(count, derived_seed(seed, &[FOR_EPOCHS, epoch]))
}

/// The indices 0..`count` in a random order (Fisher–Yates).
fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut random = Random::new(seed);
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, random.below(last + 1));
    }
    order
}
