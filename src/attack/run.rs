//! The blocking loop: writes the inputs, keeps the executor fed, collects the trace, stops.

use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::assess::sample;
use super::config::AttackConfig;
use super::iterations::{Iterations, Step};
use super::plan::Attack;
use super::planner::RING_ROWS;
use super::prepare::AttackInput;
use super::snapshots::{Gallery, Snapshot, Snapshots};
use crate::error::{Error, Result};
use crate::kernels::ledger;
use crate::program::{Executor, Place, Readback};
use crate::statistics::TraceRow;
use crate::tensor::Tensor;

/// How far the attack is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The trace of each sample so far.
    pub traces: &'a [Vec<TraceRow>],
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

/// How long one batch of iterations should take: long enough that waiting for it costs nothing, short enough
/// that progress moves and a stop is answered at once.
const BATCH: Duration = Duration::from_millis(100);

/// Most iterations in a batch, well inside the ring of rows for two batches under way.
const MOST_IN_BATCH: u32 = (RING_ROWS / 8) as u32;

/// A batch whose results have not been looked at.
struct Pending {
    /// Iterations submitted up to its end.
    iterations: u32,
    /// How many of them are its own.
    own: u32,
    ledger: Readback,
    predictions: Option<Readback>,
    images: Option<Readback>,
}

impl Attack {
    /// Runs the attack to its end. `progress` is called after every batch of iterations and stops it by
    /// returning `Break`; what is done by then is kept.
    ///
    /// # Errors
    /// If an input does not fit the attack, the device fails, or the numbers leave the finite range.
    pub fn run(
        &self,
        executor: &mut dyn Executor,
        input: AttackInput<'_>,
        progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Outcome>> {
        let mut iterations = self.prepare(executor, input)?;
        let samples = input.source.shape().n;
        let mut collected = Collected {
            traces: vec![Vec::new(); samples],
            snapshots: vec![Gallery::new(input.snapshots); samples],
            stopped: vec![ledger::RUNNING; samples],
            best_iterations: vec![0; samples],
            reached: vec![None; samples],
        };
        let mut pending: VecDeque<Pending> = VecDeque::new();
        let mut in_batch = 1;
        let mut interrupted = false;
        let mut last_arrival = Instant::now();
        let limit = self.config.iterations();
        while iterations.handed_out() < limit || !pending.is_empty() {
            let ended = interrupted || collected.all_stopped();
            if iterations.handed_out() < limit && !ended {
                let most = match input.snapshots {
                    Snapshots::WithImages => collected.distance(),
                    _ => u32::MAX,
                };
                let own = in_batch.min(most);
                pending.push_back(self.submit_batch(executor, &mut iterations, own, input.snapshots)?);
                if pending.len() < executor.batches_under_way() && iterations.handed_out() < limit {
                    continue;
                }
            }
            let Some(arrived) = pending.pop_front() else {
                break;
            };
            let own = arrived.own;
            self.collect(arrived, &mut collected)?;
            let took = last_arrival.elapsed();
            last_arrival = Instant::now();
            // A sixteenth of all at most, so that progress moves on a fast device too.
            let most = (self.config.iterations() / 16).clamp(1, MOST_IN_BATCH);
            if own == in_batch {
                in_batch = if took < BATCH / 2 {
                    (2 * in_batch).min(most)
                } else if took > 2 * BATCH {
                    (in_batch / 2).max(1)
                } else {
                    in_batch
                };
            }
            let report = Progress {
                traces: &collected.traces,
                iterations: self.config.iterations(),
            };
            interrupted |= progress(report).is_break();
        }
        let last = self.read_images(executor, self.adversarial())?;
        let best = self.read_images(executor, self.best())?;
        let Collected {
            traces,
            snapshots,
            stopped,
            best_iterations,
            reached,
        } = collected;
        let per_sample = traces.into_iter().zip(snapshots).enumerate();
        Ok(per_sample
            .map(|(index, (trace, snapshots))| {
                let reached_it = match self.config.asma() {
                    Some(_) => StopReason::IouReached,
                    None => StopReason::GoalReached,
                };
                let stop = match stopped[index] {
                    ledger::REACHED => reached_it,
                    ledger::NO_PROGRESS => StopReason::NoProgress,
                    _ if (trace.len() as u32) < self.config.iterations() => StopReason::Interrupted,
                    _ if reached[index].is_some() => reached_it,
                    _ => StopReason::Iterations,
                };
                Outcome {
                    trace,
                    last: sample(&last, index),
                    best: sample(&best, index),
                    best_iteration: best_iterations[index],
                    reached: reached[index],
                    stop,
                    step: iterations.steps().get(index).copied(),
                    snapshots: snapshots.into_snapshots(),
                }
            })
            .collect())
    }

    /// The trace of each sample so far, as far back as the device keeps it (1024 iterations): for those who
    /// record iterations themselves. Waits for the device.
    ///
    /// # Errors
    /// If the device fails, or the numbers left the finite range.
    pub fn trace(&self, executor: &mut dyn Executor) -> Result<Vec<Vec<TraceRow>>> {
        let samples = self.adversarial().shape.n;
        let words = samples * self.ledger_length();
        let readback = executor.request_words(self.planned.ledger, 0, words)?;
        let ledger = readback.receive()?;
        let traces = ledger.chunks(self.ledger_length()).map(|words| {
            // Whichever parity has settled more iterations is the newer one.
            let settled = [0, 1]
                .map(|parity| self.state(words, parity)[ledger::STATE_ITERATION] as usize)
                .into_iter()
                .max()
                .unwrap_or(0);
            self.rows(words, settled.saturating_sub(RING_ROWS)..settled)
        });
        traces.collect()
    }

    /// What makes this attack's steps smaller.
    fn smaller_steps(&self) -> &'static str {
        match self.config {
            AttackConfig::Asma(_) => "lower tau and beta",
            AttackConfig::Budget(_) => "lower alpha or eps",
            AttackConfig::Minimal(_) => "lower the rate (--lr)",
        }
    }

    /// Looks for the word that a step leaves when it meets a number that is infinite or none.
    fn check_finite(&self, ledger: &[u32]) -> Result<()> {
        for (sample, words) in ledger.chunks(self.ledger_length()).enumerate() {
            if let Some(iteration) = words[ledger::NOT_FINITE].checked_sub(1) {
                let image = match self.adversarial().shape.n {
                    1 => String::new(),
                    _ => format!(" of image {sample}"),
                };
                return Err(Error::NotFinite(format!(
                    "at iteration {iteration} the gradient or the step{image} left the finite range; {}, or take --precision f32",
                    self.smaller_steps()
                )));
            }
        }
        Ok(())
    }

    /// The state of one parity in a sample's ledger.
    fn state<'w>(&self, words: &'w [u32], parity: usize) -> &'w [u32] {
        &words[ledger::STATE + parity * ledger::STATE_LENGTH..][..ledger::STATE_LENGTH]
    }

    /// Rows of the trace in a sample's ledger.
    fn rows(&self, words: &[u32], iterations: Range<usize>) -> Result<Vec<TraceRow>> {
        let ring = self.planned.shape.ring_start;
        let has_loss = self.config.asma().is_none();
        iterations
            .map(|iteration| {
                let start = ring + iteration % RING_ROWS * ledger::ROW_LENGTH;
                row(
                    &words[start..start + ledger::ROW_LENGTH],
                    has_loss,
                    self.smaller_steps(),
                )
            })
            .collect()
    }

    pub(super) fn ledger_length(&self) -> usize {
        self.planned.shape.length
    }

    fn submit_batch(
        &self,
        executor: &mut dyn Executor,
        iterations: &mut Iterations,
        most: u32,
        snapshots: Snapshots,
    ) -> Result<Pending> {
        let before = iterations.handed_out();
        let mut calls = Vec::new();
        for iteration in iterations.by_ref().take(most as usize) {
            calls.extend_from_slice(&iteration);
        }
        if snapshots != Snapshots::None {
            calls.push(self.predict);
        }
        executor.submit(&calls)?;
        let samples = self.adversarial().shape.n;
        let ledger = executor.request_words(self.planned.ledger, 0, samples * self.ledger_length())?;
        let predictions = match snapshots {
            Snapshots::None => None,
            Snapshots::Predictions | Snapshots::WithImages => Some(self.request_predictions(executor)?),
        };
        let images = match snapshots {
            Snapshots::None | Snapshots::Predictions => None,
            Snapshots::WithImages => {
                let place = self.adversarial();
                Some(executor.request_words(place.buffer, 0, place.shape.elements())?)
            }
        };
        Ok(Pending {
            iterations: iterations.handed_out(),
            own: iterations.handed_out() - before,
            ledger,
            predictions,
            images,
        })
    }

    /// Takes new rows, stops and snapshots from a batch that has arrived.
    fn collect(&self, batch: Pending, collected: &mut Collected) -> Result<()> {
        let ledger = batch.ledger.receive()?;
        self.check_finite(&ledger)?;
        let predictions = match batch.predictions {
            Some(predictions) => Some(self.predictions(&predictions.receive()?)?),
            None => None,
        };
        let images = match batch.images {
            Some(images) => {
                let words = bytemuck::cast_vec(images.receive()?);
                Some(Tensor::new(self.adversarial().shape, words)?)
            }
            None => None,
        };
        let parity = batch.iterations as usize % 2;
        for (index, words) in ledger.chunks(self.ledger_length()).enumerate() {
            let state = self.state(words, parity);
            let trace = &mut collected.traces[index];
            let before = trace.len();
            trace.extend(self.rows(words, before..state[ledger::STATE_ITERATION] as usize)?);
            collected.stopped[index] = state[ledger::STATE_STOPPED];
            collected.best_iterations[index] = state[ledger::STATE_BEST_ITERATION];
            collected.reached[index] = Some(state[ledger::STATE_REACHED]).filter(|&reached| reached > 0);
            if let (Some(predictions), Some(row)) = (&predictions, trace.last())
                && trace.len() > before
            {
                collected.snapshots[index].add(Snapshot {
                    iteration: row.iteration,
                    prediction: predictions[index].clone(),
                    image: images.as_ref().map(|images| sample(images, index)),
                });
            }
        }
        Ok(())
    }

    pub(super) fn read_images(&self, executor: &mut dyn Executor, place: Place) -> Result<Tensor> {
        let values = executor.read(place.buffer, place.shape.elements())?;
        Tensor::new(place.shape, values)
    }
}

/// What has arrived so far.
struct Collected {
    traces: Vec<Vec<TraceRow>>,
    snapshots: Vec<Gallery>,
    stopped: Vec<u32>,
    best_iterations: Vec<u32>,
    reached: Vec<Option<u32>>,
}

impl Collected {
    /// The least distance between snapshots of any sample.
    fn distance(&self) -> u32 {
        let distances = self.snapshots.iter().map(Gallery::distance);
        distances.min().unwrap_or(1)
    }

    fn all_stopped(&self) -> bool {
        self.stopped.iter().all(|&reason| reason != ledger::RUNNING)
    }
}

/// A row of the trace from its words in the ring.
fn row(words: &[u32], has_loss: bool, smaller_steps: &str) -> Result<TraceRow> {
    let float = |index: usize| f32::from_bits(words[index]);
    let row = TraceRow {
        iteration: words[0],
        iou: float(1),
        pixel_accuracy: float(2),
        l2: float(3),
        linf: float(4),
        multiplier: float(5),
        loss: has_loss.then(|| float(6)),
        success_rate: has_loss.then(|| float(7)),
    };
    if row.l2.is_finite()
        && row.linf.is_finite()
        && row.multiplier.is_finite()
        && row.loss.is_none_or(f32::is_finite)
    {
        Ok(row)
    } else {
        Err(Error::NotFinite(format!(
            "at iteration {} the image left the finite range (L2 {}, L∞ {}, step {}, loss {}); {smaller_steps}",
            row.iteration,
            row.l2,
            row.linf,
            row.multiplier,
            row.loss.unwrap_or(0.0)
        )))
    }
}
