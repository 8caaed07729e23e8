//! Predictions along the way, for pictures of how the attack went.

use crate::labels::LabelMap;

/// A prediction along the way.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The iteration whose row of the trace it belongs to.
    pub iteration: u32,
    /// The prediction.
    pub prediction: LabelMap,
}

/// Predictions along the way that are kept.
pub const MOST_SNAPSHOTS: usize = 48;

/// The predictions of an attack of unknown length, evenly spread: when there are too many, those nearer to
/// each other than twice the distance so far are dropped. The latest is always there.
#[derive(Clone, Debug)]
pub(super) struct Gallery {
    kept: Vec<Snapshot>,
    latest: Option<Snapshot>,
    /// Least distance of those kept, in iterations.
    distance: u32,
}

impl Default for Gallery {
    fn default() -> Self {
        Gallery {
            kept: Vec::new(),
            latest: None,
            distance: 1,
        }
    }
}

impl Gallery {
    /// Adds the prediction of a later iteration.
    pub(super) fn add(&mut self, snapshot: Snapshot) {
        if self.is_far_enough(&snapshot) {
            self.latest = None;
            self.kept.push(snapshot);
        } else {
            self.latest = Some(snapshot);
        }
        while self.kept.len() >= MOST_SNAPSHOTS {
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
        for length in [1u32, 2, 47, 48, 49, 374, 5000] {
            let mut gallery = Gallery::default();
            for iteration in 0..length {
                gallery.add(Snapshot {
                    iteration,
                    prediction: LabelMap::from_fn(1, 1, |_, _| 0).unwrap(),
                });
            }
            let found: Vec<u32> = gallery
                .into_snapshots()
                .iter()
                .map(|snapshot| snapshot.iteration)
                .collect();
            assert!(found.len() <= MOST_SNAPSHOTS, "{length}: {}", found.len());
            assert_eq!((found[0], found[found.len() - 1]), (0, length - 1));
            let steps: Vec<u32> = found.windows(2).map(|pair| pair[1] - pair[0]).collect();
            // All the same, but for the last.
            assert!(
                steps.windows(2).all(|pair| pair[1] <= pair[0]),
                "{length}: {steps:?}"
            );
            assert!(
                steps.iter().all(|&step| step <= 1 + length / 20),
                "{length}: {steps:?}"
            );
        }
    }
}
