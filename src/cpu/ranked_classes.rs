//! The classes of a pixel by their logits, as `shaders/shared/ranked_classes.wgsl` has them.

use super::rows::row;
use crate::kernels::{Extent, View};

/// Logits further apart than this are as if they were so far apart.
pub(super) const MOST_APART: f32 = 1e30;

/// The four largest logits of a pixel and their classes; of equal ones the first class stands first.
#[derive(Clone, Copy)]
pub(super) struct Ranked {
    pub logits: [f32; 4],
    pub classes: [u32; 4],
    /// Of the label.
    wanted: f32,
}

impl Ranked {
    /// Of a pixel whose logits these are, class by class.
    #[inline(always)]
    fn of(logits: impl Iterator<Item = f32>, label: u32) -> Ranked {
        let mut ranked = Ranked {
            logits: [-3.0e38; 4],
            classes: [0; 4],
            wanted: 0.0,
        };
        for (class, logit) in (0..).zip(logits) {
            if class == label {
                ranked.wanted = logit;
            }
            if logit > ranked.logits[3] {
                let mut place = 3;
                while place > 0 && logit > ranked.logits[place - 1] {
                    ranked.logits[place] = ranked.logits[place - 1];
                    ranked.classes[place] = ranked.classes[place - 1];
                    place -= 1;
                }
                ranked.logits[place] = logit;
                ranked.classes[place] = class;
            }
        }
        ranked
    }

    /// The class other than the label with the largest logit, as a place among the ranked ones.
    pub fn rival(&self, label: u32) -> usize {
        usize::from(self.classes[0] == label)
    }

    /// The label's logit less the largest other one.
    pub fn margin(&self, label: u32) -> f32 {
        (self.wanted - self.logits[self.rival(label)]).clamp(-MOST_APART, MOST_APART)
    }
}

/// Calls `body` with each column of a row of pixels whose label is a class, its label and its classes.
pub(super) fn for_each_ranked(
    logits: &[f32],
    (view, extent): (View, Extent),
    (n, y): (usize, usize),
    labels: &[u32],
    mut body: impl FnMut(usize, u32, Ranked),
) {
    let width = extent.w as usize;
    let rows: Vec<&[f32]> = (0..extent.c as usize)
        .map(|c| row(logits, view, n, c, y, width))
        .collect();
    let class_count = extent.c.max(2);
    for (x, &label) in labels
        .iter()
        .enumerate()
        .filter(|(_, label)| **label < class_count)
    {
        let ranked = match rows[..] {
            // One channel z stands for the logits (−z, z).
            [of_one] => Ranked::of([-of_one[x], of_one[x]].into_iter(), label),
            _ => Ranked::of(rows.iter().map(|row| row[x]), label),
        };
        body(x, label, ranked);
    }
}

/// Adds a pixel to the counts of a sample, as [`kernels::ledger`](crate::kernels::ledger) has them.
pub(super) fn count(counts: &mut [u32], label: u32, predicted: u32) {
    let totals = counts.len() - 2;
    let correct = u32::from(label == predicted);
    let (label, predicted) = (label as usize, predicted as usize);
    counts[3 * label] += correct;
    counts[3 * label + 1] += 1;
    counts[3 * predicted + 2] += 1;
    counts[totals] += correct;
    counts[totals + 1] += 1;
}
