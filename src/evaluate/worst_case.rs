//! The worst that several attacks come to over a data set.
//!
//! Croce, Singh and Hein, *Towards Reliable Evaluation and Fast Training of Robust Semantic Segmentation Models* (SEA,
//! arXiv 2306.12941), keep of each image the attack after which fewest pixels are right. The mean IoU of a data set is no mean
//! over images, so they look for the attacks that make it least: they begin with one attack for all images, and go round by
//! round through the images in a random order, changing an image's attack where the mean IoU falls, until a round gains less
//! than 1e-6.
//!
//! Two mistakes of the published code are not repeated. A class that no pixel has is left out of the mean, but keeps its
//! number: there, all classes behind it took their neighbour's. And an attack is compared with the best one that was found
//! for the image, not with the one that the image came with: there, the last attack that gained anything was taken.

use serde::{Deserialize, Serialize};

use super::record::ClassCounts;
use crate::attack::Purpose;
use crate::train::{Random, derived_seed};

/// A round that gains less is the last.
const LEAST_GAIN: f64 = 1e-6;
/// What the orders of images follow from.
const SEED: u64 = 0x5ea;

/// Which attack was chosen for each image, and what that comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorstCase {
    /// The number of the attack for each image.
    pub chosen: Vec<usize>,
    /// The mean IoU of the data set under them.
    pub mean_iou: f64,
    /// How many rounds it took.
    pub rounds: usize,
}

/// The mean of the IoU of those classes that a data set's targets or predictions have, each over all pixels of the data set; 1
/// where there is none. Every image has the counts of all classes.
pub fn mean_iou<'a>(images: impl IntoIterator<Item = &'a [ClassCounts]>) -> f64 {
    let mut totals: Vec<ClassCounts> = Vec::new();
    for image in images {
        totals.resize(totals.len().max(image.len()), ClassCounts::default());
        change(&mut totals, image, u64::wrapping_add);
    }
    mean_of(&totals)
}

/// Looks for the attacks that are worst for the network: `images` holds, of each image, the counts of all classes after each
/// attack. Untargeted attacks make the mean IoU with the labels least, targeted ones that with the targets largest. It begins
/// with attack number `first` for all.
pub fn worst_case(images: &[Vec<Vec<ClassCounts>>], purpose: Purpose, first: usize) -> WorstCase {
    let sign = match purpose {
        Purpose::Untargeted => 1.0,
        Purpose::Targeted => -1.0,
    };
    let classes = images.iter().flatten().map(Vec::len).max().unwrap_or(0);
    let mut totals = vec![ClassCounts::default(); classes];
    let mut chosen: Vec<usize> = images
        .iter()
        .map(|attacks| first.min(attacks.len().saturating_sub(1)))
        .collect();
    for (attacks, &attack) in images.iter().zip(&chosen) {
        if let Some(counts) = attacks.get(attack) {
            change(&mut totals, counts, u64::wrapping_add);
        }
    }
    let mut value = sign * mean_of(&totals);
    let mut rounds = 0;
    loop {
        let before = value;
        for image in order(images.len(), rounds) {
            let attacks = &images[image];
            let Some(current) = attacks.get(chosen[image]) else {
                continue;
            };
            change(&mut totals, current, u64::wrapping_sub);
            for (attack, counts) in attacks.iter().enumerate() {
                change(&mut totals, counts, u64::wrapping_add);
                let found = sign * mean_of(&totals);
                if found < value {
                    (value, chosen[image]) = (found, attack);
                }
                change(&mut totals, counts, u64::wrapping_sub);
            }
            change(&mut totals, &attacks[chosen[image]], u64::wrapping_add);
        }
        rounds += 1;
        if before - value < LEAST_GAIN {
            break;
        }
    }
    WorstCase {
        chosen,
        mean_iou: sign * value,
        rounds,
    }
}

fn order(count: usize, round: usize) -> Vec<usize> {
    let mut random = Random::new(derived_seed(SEED, &[round as u64]));
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, random.below(last + 1));
    }
    order
}

/// Adds the counts of an image to the totals, or takes them away.
fn change(totals: &mut [ClassCounts], image: &[ClassCounts], by: fn(u64, u64) -> u64) {
    for (total, counts) in totals.iter_mut().zip(image) {
        total.target = by(total.target, counts.target);
        total.prediction = by(total.prediction, counts.prediction);
        total.both = by(total.both, counts.both);
    }
}

fn mean_of(totals: &[ClassCounts]) -> f64 {
    let present: Vec<f64> = totals.iter().filter_map(ClassCounts::iou).collect();
    match present.len() {
        0 => 1.0,
        count => present.iter().sum::<f64>() / count as f64,
    }
}
