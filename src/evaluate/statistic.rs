//! What several numbers say together.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::train::{Random, derived_seed};

/// How often a sample is drawn anew from the numbers, with replacement.
const RESAMPLES: usize = 1000;
/// The share of the resampled means that an interval holds.
const CONFIDENCE: f64 = 0.95;
/// What resampling follows from.
const SEED: u64 = 0x5eed;

/// Numbers of one kind, summed up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistic {
    /// How many there are.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, that of a sample (over n − 1); 0 of one number.
    pub deviation: f64,
    /// The bounds of the mean: the percentile bootstrap's interval of 95 % from 1000 resamples, always the same of the same
    /// numbers (Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993).
    pub interval: [f64; 2],
    /// Least, lower quartile, median, upper quartile and largest, between neighbours linearly.
    pub quartiles: [f64; 5],
}

impl Statistic {
    /// Sums up numbers, the order of which does not matter; nothing of none.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Statistic> {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        if count == 0 {
            return None;
        }
        let mean = mean(&sorted);
        let squares: f64 = sorted.iter().map(|number| (number - mean).powi(2)).sum();
        let beyond = (1.0 - CONFIDENCE) / 2.0;
        let means = resampled_means(&sorted);
        Some(Statistic {
            count,
            mean,
            deviation: (squares / (count - 1).max(1) as f64).sqrt(),
            interval: [beyond, 1.0 - beyond].map(|share| quantile(&means, share)),
            quartiles: [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| quantile(&sorted, share)),
        })
    }
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// The means of samples drawn anew, ascending.
fn resampled_means(numbers: &[f64]) -> Vec<f64> {
    if numbers.first() == numbers.last() {
        return vec![numbers[0]];
    }
    let mut means: Vec<f64> = (0..RESAMPLES as u64)
        .into_par_iter()
        .map(|resample| {
            let mut random = Random::new(derived_seed(SEED, &[resample]));
            let sum: f64 = numbers.iter().map(|_| numbers[random.below(numbers.len())]).sum();
            sum / numbers.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    means
}

/// The number that this share of them lies below, between neighbours linearly.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + part * (sorted[above] - sorted[below])
}
