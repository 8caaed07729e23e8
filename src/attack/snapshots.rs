//! Moments along the way, for pictures of how the attack went.

use crate::labels::LabelMap;
use crate::tensor::Tensor;

/// What is kept of an attack along the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Snapshots {
    /// Nothing.
    #[default]
    None,
    /// Predictions, at most [`MOST_SNAPSHOTS`], at the ends of batches of iterations.
    Predictions,
    /// Predictions and adversarial images, evenly spread, at most [`MOST_SNAPSHOTS_WITH_IMAGES`]. Batches of
    /// iterations are kept so short that none is far from the next.
    WithImages,
}

/// A moment along the way.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The iteration whose row of the trace it belongs to.
    pub iteration: u32,
    /// The prediction.
    pub prediction: LabelMap,
    /// The image after the iteration's step, clipped to [0, 1], if images were asked for; 1×C×H×W.
    pub image: Option<Tensor>,
}

/// Most moments that are kept without images.
pub const MOST_SNAPSHOTS: usize = 48;

/// Most moments that are kept with images, which take far more memory: 4 MB each for a network's input of
/// 572×572.
pub const MOST_SNAPSHOTS_WITH_IMAGES: usize = 32;

/// The moments of an attack of unknown length, evenly spread: when there are too many, those nearer to
/// each other than twice the distance so far are dropped. The latest is always there.
#[derive(Clone, Debug)]
pub(super) struct Gallery {
    kept: Vec<Snapshot>,
    latest: Option<Snapshot>,
    /// Least distance of those kept, in iterations.
    distance: u32,
    /// Most that are kept.
    most: usize,
}

impl Gallery {
    pub(super) fn new(wanted: Snapshots) -> Self {
        Gallery {
            kept: Vec::new(),
            latest: None,
            distance: 1,
            most: match wanted {
                Snapshots::None => 0,
                Snapshots::Predictions => MOST_SNAPSHOTS,
                Snapshots::WithImages => MOST_SNAPSHOTS_WITH_IMAGES,
            },
        }
    }

    /// Least distance of those kept, in iterations. Snapshots that come as often stay evenly spread.
    pub(super) fn distance(&self) -> u32 {
        self.distance
    }

    /// Adds the moment of a later iteration.
    pub(super) fn add(&mut self, snapshot: Snapshot) {
        if self.is_far_enough(&snapshot) {
            self.latest = None;
            self.kept.push(snapshot);
        } else {
            self.latest = Some(snapshot);
        }
        while self.kept.len() >= self.most.max(2) {
            self.distance *= 2;
            let all = std::mem::take(&mut self.kept);
            self.latest = self.latest.take().or(all.last().cloned());
            for snapshot in all {
                if self.is_far_enough(&snapshot) {
                    self.kept.push(snapshot);
                }
            }
        }
    }

    fn is_far_enough(&self, snapshot: &Snapshot) -> bool {
        self.kept
            .last()
            .is_none_or(|last| snapshot.iteration >= last.iteration + self.distance)
    }

    /// The latest.
    pub(super) fn last(&self) -> Option<&Snapshot> {
        self.latest.as_ref().or(self.kept.last())
    }

    /// All that were kept and the latest, in order.
    pub(super) fn into_snapshots(self) -> Vec<Snapshot> {
        let mut snapshots = self.kept;
        let last = snapshots.last().map(|snapshot| snapshot.iteration);
        snapshots.extend(self.latest.filter(|latest| Some(latest.iteration) > last));
        snapshots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_stay_few_and_evenly_spread() {
        let wanted = [
            (Snapshots::Predictions, MOST_SNAPSHOTS),
            (Snapshots::WithImages, MOST_SNAPSHOTS_WITH_IMAGES),
        ];
        let lengths = [1u32, 2, 31, 32, 33, 47, 48, 49, 374, 5000];
        for ((wanted, most), length) in wanted.into_iter().flat_map(|w| lengths.map(|l| (w, l))) {
            let mut gallery = Gallery::new(wanted);
            for iteration in 0..length {
                gallery.add(Snapshot {
                    iteration,
                    prediction: LabelMap::from_fn(1, 1, |_, _| 0).unwrap(),
                    image: None,
                });
                assert_eq!(gallery.last().map(|snapshot| snapshot.iteration), Some(iteration));
            }
            let found: Vec<u32> = gallery
                .into_snapshots()
                .iter()
                .map(|snapshot| snapshot.iteration)
                .collect();
            assert!(found.len() <= most, "{length}: {}", found.len());
            assert_eq!((found[0], found[found.len() - 1]), (0, length - 1));
            let steps: Vec<u32> = found.windows(2).map(|pair| pair[1] - pair[0]).collect();
            // All the same, but for the last.
            assert!(
                steps.windows(2).all(|pair| pair[1] <= pair[0]),
                "{length}: {steps:?}"
            );
            assert!(
                steps
                    .iter()
                    .all(|&step| step as usize <= 1 + 2 * length as usize / most),
                "{length}: {steps:?}"
            );
        }
    }
}
