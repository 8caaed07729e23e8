//! What an attack is given.

use super::iterations::Step;
use super::snapshots::Snapshots;
use crate::kernels::ledger;
use crate::labels::{IGNORE, LabelMap};
use crate::tensor::Tensor;

/// What is attacked: one entry per sample of the batch.
#[derive(Clone, Copy, Debug)]
pub struct AttackInput<'a> {
    /// The images `X`, values in [0, 1].
    pub source: &'a Tensor,
    /// The targets `Y`, of the size of the network's output; [`IGNORE`] is left out of everything.
    pub targets: &'a [LabelMap],
    /// Maps of the input's size whose pixels of label 0 may not change; empty if the attack was planned
    /// without a region.
    pub regions: &'a [LabelMap],
    /// What to keep along the way.
    pub snapshots: Snapshots,
}

/// One sample of what is attacked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample<'a> {
    /// The image `X`, C×H×W values.
    pub source: &'a [f32],
    /// The target `Y`.
    pub target: &'a LabelMap,
    /// Where pixels may change, if the attack was planned with a region.
    pub region: Option<&'a LabelMap>,
    /// How it is stepped, of ASMA.
    pub step: Option<Step>,
}

impl<'a> AttackInput<'a> {
    /// The sample of this number, if there are as many, with the step that was chosen for it.
    pub(crate) fn sample(self, number: usize, step: Option<Step>) -> Option<Sample<'a>> {
        let shape = self.source.shape();
        let elements = shape.c * shape.pixels();
        Some(Sample {
            source: self
                .source
                .data()
                .get(number * elements..(number + 1) * elements)?,
            target: self.targets.get(number)?,
            region: self.regions.get(number),
            step,
        })
    }
}

/// Labels as words of a buffer.
pub(super) fn words_of(maps: &[LabelMap]) -> Vec<u32> {
    maps.iter()
        .flat_map(|map| map.labels().iter().map(|&label| label as u32))
        .collect()
}

// The label that shaders leave out is the one that label maps call so.
const _: () = assert!(IGNORE as u32 == ledger::IGNORE);
