//! What is told of an attack while it runs, and what became of it.

use serde::Serialize;

use super::iterations::Step;
use super::snapshots::Snapshot;
use crate::statistics::TraceRow;
use crate::tensor::Tensor;

/// How far the attack is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The trace of each sample so far.
    pub traces: &'a [Vec<TraceRow>],
    /// The latest moment of the sample in the first place, if moments are kept.
    pub moment: Option<&'a Snapshot>,
    /// Most iterations that there will be.
    pub iterations: u32,
}

/// Why a sample's attack ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// All iterations were done.
    Iterations,
    /// The IoU asked for was reached.
    IouReached,
    /// As many pixels as asked for are as the attack wants them.
    GoalReached,
    /// The best IoU did not grow for as many iterations as asked.
    NoProgress,
    /// The caller asked to stop.
    Interrupted,
    /// The network predicts what it shall already, so that no iteration was run.
    NothingToAttack,
}

impl std::fmt::Display for StopReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            StopReason::Iterations => "all iterations done",
            StopReason::IouReached => "IoU reached",
            StopReason::GoalReached => "goal reached",
            StopReason::NoProgress => "no progress",
            StopReason::Interrupted => "interrupted",
            StopReason::NothingToAttack => "nothing to attack",
        })
    }
}

/// What became of one sample.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// One row per iteration.
    pub trace: Vec<TraceRow>,
    /// The image after the last step, clipped to [0, 1]; 1×C×H×W.
    pub last: Tensor,
    /// The clipped image of the row with the highest IoU, or, where the perturbation was refined, with the least L2 of those
    /// that have the IoU asked for; 1×C×H×W.
    pub best: Tensor,
    /// The iteration of `best`.
    pub best_iteration: u32,
    /// After how many iterations the IoU asked for was reached and refining began, if it did.
    pub reached: Option<u32>,
    /// Why it ended.
    pub stop: StopReason,
    /// How it was stepped, of ASMA.
    pub step: Option<Step>,
    /// Moments along the way, if they were asked for.
    pub snapshots: Vec<Snapshot>,
}
