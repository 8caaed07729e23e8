//! An attack that its host takes on in its own time, as a tool does within its frames: a part of an iteration at once if need
//! be, statistics when they arrive, and changes of what is wanted and how on the way.

mod change;
mod changes;

use std::collections::VecDeque;

use self::change::Change;
use super::asma::AsmaConfig;
use super::input::AttackInput;
use super::iterations::Step;
use super::outcome::{Outcome, StopReason};
use super::plan::Attack;
use super::planner::RING_ROWS;
use super::snapshots::{Gallery, Snapshot, Snapshots};
use super::trace::state;
use crate::error::{Error, Result};
use crate::gpu::GpuExecutor;
use crate::kernels::ledger;
use crate::labels::LabelMap;
use crate::program::{self, CallId, Executor, Readback, wait};
use crate::statistics::TraceRow;
use crate::tensor::Tensor;

/// An attack on one image, under way.
///
/// A frame of its host records the attack with [`Live::encode`], or what [`Live::next_calls`] hands out, submits it, asks for
/// statistics with [`Live::request`] and takes what has arrived with [`Live::arrive`]; none of them waits. Changes take effect
/// between two iterations. What it is given must be submitted in turn, on the executor that it was begun on, and nothing else may
/// write the attack's buffers meanwhile.
#[derive(Debug)]
pub struct Live {
    attack: Attack,
    source: Tensor,
    target: LabelMap,
    region: Option<LabelMap>,
    snapshots: Snapshots,
    step: Option<Step>,
    /// Most iterations.
    limit: u32,
    /// What is left of the iteration that is being handed out.
    rest: VecDeque<CallId>,
    /// Iterations whose calls were begun to be handed out.
    begun: u64,
    /// As many of them as statistics were asked for, and as many as these have arrived for.
    requested: u64,
    looked_at: u64,
    changes: Vec<Change>,
    under_way: VecDeque<Statistics>,
    trace: Vec<TraceRow>,
    stopped: u32,
    best_iteration: u32,
    reached: Option<u32>,
    gallery: Gallery,
}

/// Copies under way of what stood on the device after so many iterations.
#[derive(Debug)]
struct Statistics {
    end: u64,
    /// Whether what was wanted has changed since.
    is_outdated: bool,
    ledger: Readback,
    /// Once they have arrived.
    ledger_words: Option<Vec<u32>>,
    prediction: Option<Readback>,
}

/// Statistics that may be under way at once.
const MOST_UNDER_WAY: usize = 3;

impl Live {
    /// Writes the image to the executor, sets the attack back to its beginning and, where the step size is automatic, runs the
    /// network once to choose it. Waits for that.
    ///
    /// # Errors
    /// If the input does not fit the attack or holds more than one image, or the device fails.
    pub fn begin(attack: Attack, executor: &mut dyn Executor, input: AttackInput<'_>) -> Result<Live> {
        wait(Live::begin_async(attack, executor, input))
    }

    /// The async form of [`Live::begin`].
    ///
    /// # Errors
    /// As [`Live::begin`].
    pub async fn begin_async(
        attack: Attack,
        executor: &mut dyn Executor,
        input: AttackInput<'_>,
    ) -> Result<Live> {
        let target = match input.targets {
            [target] => target.clone(),
            targets => {
                return Err(Error::Usage(format!(
                    "{} images for one live attack; plan it for one, and begin others of their own",
                    targets.len()
                )));
            }
        };
        let iterations = attack.prepare_async(executor, input).await?;
        Ok(Live {
            step: iterations.steps().first().copied(),
            limit: attack.config().iterations(),
            source: input.source.clone(),
            target,
            region: input.regions.first().cloned(),
            snapshots: input.snapshots,
            attack,
            rest: VecDeque::new(),
            begun: 0,
            requested: 0,
            looked_at: 0,
            changes: Vec::new(),
            under_way: VecDeque::new(),
            trace: Vec::new(),
            stopped: ledger::RUNNING,
            best_iteration: 0,
            reached: None,
            gallery: Gallery::new(input.snapshots),
        })
    }

    /// The attack, with its settings as they are now.
    pub fn attack(&self) -> &Attack {
        &self.attack
    }

    /// The image that is attacked.
    pub fn source(&self) -> &Tensor {
        &self.source
    }

    /// What the network shall predict, or is to leave.
    pub fn target(&self) -> &LabelMap {
        &self.target
    }

    /// Where pixels may change, if the attack was planned with a region.
    pub fn region(&self) -> Option<&LabelMap> {
        self.region.as_ref()
    }

    /// How the image is stepped, of ASMA.
    pub fn step(&self) -> Option<Step> {
        self.step
    }

    /// The rows of all iterations whose statistics have arrived.
    pub fn trace(&self) -> &[TraceRow] {
        &self.trace
    }

    /// Why it ended, if it has; a change of what is wanted or how takes it on.
    pub fn ended(&self) -> Option<StopReason> {
        let reached = match self.attack.config.asma() {
            Some(_) => StopReason::IouReached,
            None => StopReason::GoalReached,
        };
        match self.stopped {
            _ if !self.changes.is_empty() => None,
            ledger::REACHED => Some(reached),
            ledger::NO_PROGRESS => Some(StopReason::NoProgress),
            _ if self.trace.len() < self.limit as usize => None,
            _ if self.reached.is_some() => Some(reached),
            _ => Some(StopReason::Iterations),
        }
    }

    /// The calls that come next, for as long as `fits` says so and to the end of an iteration at most; the first of them
    /// whatever it says. None if all iterations were handed out, or the device has to be looked at first. Changes are written
    /// before the first call of an iteration, so that what was handed out before must be submitted by then.
    ///
    /// # Errors
    /// If the device fails.
    pub fn next_calls(
        &mut self,
        executor: &mut dyn Executor,
        mut fits: impl FnMut(CallId) -> bool,
    ) -> Result<Vec<CallId>> {
        self.begin_iteration(executor)?;
        let mut calls = Vec::new();
        while let Some(&call) = self.rest.front() {
            if !fits(call) && !calls.is_empty() {
                break;
            }
            calls.push(call);
            self.rest.pop_front();
        }
        Ok(calls)
    }

    /// Writes changes and begins an iteration, where none is half handed out and there is another.
    fn begin_iteration(&mut self, executor: &mut dyn Executor) -> Result<()> {
        if !self.rest.is_empty() {
            return Ok(());
        }
        self.write_changes(executor)?;
        if self.may_begin() {
            let calls = self.iteration();
            self.rest.extend(calls.iter().copied());
            // For pictures and snapshots.
            self.rest.push_back(self.attack.predict);
            self.begun += 1;
        }
        Ok(())
    }

    /// Records what comes next in the host's encoder: for as long as the calls cost no more than these
    /// [units](crate::gpu::FrameBudget), one call whatever it costs, and to the end of so many iterations at most, of which one that
    /// is half recorded is the first. Returns what was recorded costs, 0 if there was nothing to record. Neither submits, polls nor
    /// maps; what was recorded must be submitted before the next is.
    ///
    /// # Errors
    /// If the device fails.
    pub fn encode(
        &mut self,
        executor: &mut GpuExecutor,
        encoder: &mut wgpu::CommandEncoder,
        units: f64,
        iterations: u32,
    ) -> Result<f64> {
        let (mut calls, mut cost) = (Vec::new(), 0.0);
        let mut ended = 0;
        while ended < iterations {
            // What is written takes effect before all that is submitted later, and so between submissions.
            if self.is_whole() && self.has_changes() && !calls.is_empty() {
                break;
            }
            self.begin_iteration(executor)?;
            let Some(&call) = self.rest.front() else {
                break;
            };
            let next = executor.cost(call);
            if !calls.is_empty() && cost + next > units {
                break;
            }
            cost += next;
            calls.push(call);
            self.rest.pop_front();
            ended += u32::from(self.is_whole());
        }
        executor.encode(encoder, &calls);
        Ok(cost)
    }

    /// Whether no iteration is half handed out.
    pub fn is_whole(&self) -> bool {
        self.rest.is_empty()
    }

    /// Iterations that were handed out whole. What one that was not has done so far leaves the state before it alone.
    fn handed_out(&self) -> u64 {
        self.begun - u64::from(!self.is_whole())
    }

    /// Whether changes wait for the next iteration.
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Whether statistics are under way, or there are some to be asked for.
    pub fn is_under_way(&self) -> bool {
        !self.under_way.is_empty() || self.handed_out() > self.requested
    }

    /// Whether another iteration may be begun: the ring of the trace has room, and none too many is under way.
    fn may_begin(&self) -> bool {
        let unseen = self.begun - self.looked_at;
        self.ended().is_none()
            && unseen + 1 < RING_ROWS as u64
            && self.trace.len() as u64 + unseen < u64::from(self.limit)
    }

    fn iteration(&self) -> std::sync::Arc<[CallId]> {
        let calls = &self.attack.planned.calls;
        let choice = self.attack.config.asma().map(AsmaConfig::choice);
        let other = calls.others.iter().find(|(other, _)| Some(*other) == choice);
        match other {
            Some((_, iterations)) => iterations[(self.begun % 2) as usize].clone(),
            None => calls.of(self.begun, std::iter::once(self.begun)).clone(),
        }
    }

    /// Asks for the statistics of all iterations that were handed out whole and are submitted by now, if there are new ones and
    /// not too many copies are under way.
    ///
    /// # Errors
    /// If the device fails.
    pub fn request(&mut self, executor: &mut dyn Executor) -> Result<()> {
        let end = self.handed_out();
        if end == self.requested || self.under_way.len() >= MOST_UNDER_WAY {
            return Ok(());
        }
        let attack = &self.attack;
        let ledger = executor.request_words(attack.planned.ledger, 0, attack.ledger_length())?;
        let prediction = match self.snapshots {
            Snapshots::None => None,
            Snapshots::Predictions | Snapshots::WithImages => Some(attack.request_predictions(executor)?),
        };
        self.requested = end;
        self.under_way.push_back(Statistics {
            end,
            is_outdated: false,
            ledger,
            ledger_words: None,
            prediction,
        });
        Ok(())
    }

    /// Takes the statistics that have arrived; true if there are new ones. Never waits, nor lets the device go on: its owner
    /// does, as by submitting the next frame.
    ///
    /// # Errors
    /// If the device fails, or the numbers leave the finite range.
    pub fn arrive(&mut self) -> Result<bool> {
        let mut is_new = false;
        while let Some(statistics) = self.under_way.front_mut() {
            if statistics.ledger_words.is_none() {
                statistics.ledger_words = statistics.ledger.try_receive()?;
            }
            if statistics.ledger_words.is_none() {
                break;
            }
            let prediction = match &mut statistics.prediction {
                None => None,
                Some(prediction) => match prediction.try_receive()? {
                    None => break,
                    arrived => arrived,
                },
            };
            let Some(statistics) = self.under_way.pop_front() else {
                break;
            };
            let words = statistics.ledger_words.unwrap_or_default();
            self.take(
                statistics.end,
                statistics.is_outdated,
                &words,
                prediction.as_deref(),
            )?;
            is_new = true;
        }
        Ok(is_new)
    }

    /// Waits for all statistics that are under way.
    async fn arrive_all(&mut self) -> Result<()> {
        while let Some(statistics) = self.under_way.pop_front() {
            let words = match statistics.ledger_words {
                Some(words) => words,
                None => statistics.ledger.await?,
            };
            let prediction = match statistics.prediction {
                Some(prediction) => Some(prediction.await?),
                None => None,
            };
            self.take(
                statistics.end,
                statistics.is_outdated,
                &words,
                prediction.as_deref(),
            )?;
        }
        Ok(())
    }

    fn take(&mut self, end: u64, is_outdated: bool, words: &[u32], prediction: Option<&[u32]>) -> Result<()> {
        let attack = &self.attack;
        let state = state(words, (end % 2) as usize);
        attack.check_finite(words)?;
        let known = self.trace.len();
        let rows = attack.rows(words, known..state[ledger::STATE_ITERATION] as usize)?;
        self.trace.extend(rows);
        self.looked_at = end;
        if !is_outdated {
            self.stopped = state[ledger::STATE_STOPPED];
            self.best_iteration = state[ledger::STATE_BEST_ITERATION];
            self.reached = Some(state[ledger::STATE_REACHED]).filter(|&reached| reached > 0);
        }
        match prediction {
            Some(prediction) => self.keep(prediction),
            None => Ok(()),
        }
    }

    fn keep(&mut self, words: &[u32]) -> Result<()> {
        let prediction = self.attack.predictions(words)?.into_iter().next();
        if let (Some(prediction), Some(row)) = (prediction, self.trace.last()) {
            self.gallery.add(Snapshot {
                iteration: row.iteration,
                prediction,
                image: None,
            });
        }
        Ok(())
    }

    /// Submits what is left of an iteration, waits for all statistics, and returns what the attack has come to. The attack can
    /// go on after it, see [`Live::resume_async`].
    ///
    /// # Errors
    /// As [`Live::arrive`].
    pub async fn outcome_async(&mut self, executor: &mut dyn Executor) -> Result<Outcome> {
        let rest: Vec<CallId> = self.rest.drain(..).collect();
        program::submit(executor, &rest).await?;
        self.arrive_all().await?;
        self.request(executor)?;
        self.arrive_all().await?;
        let shape = self.attack.adversarial().shape;
        let [last, best] = [self.attack.adversarial(), self.attack.best()]
            .map(|place| executor.request_words(place.buffer, 0, shape.elements()));
        let last = Tensor::new(shape, bytemuck::cast_vec(last?.await?))?;
        let best = Tensor::new(shape, bytemuck::cast_vec(best?.await?))?;
        Ok(Outcome {
            trace: self.trace.clone(),
            last,
            best,
            best_iteration: self.best_iteration,
            reached: self.reached,
            stop: self.ended().unwrap_or(StopReason::Interrupted),
            step: self.step,
            snapshots: self.gallery.clone().into_snapshots(),
        })
    }

    /// Makes the attack go on after [`Live::outcome_async`] where judging its outcome has run the network on other images: writes
    /// the last image back, and runs the network on it for what comes next and for pictures.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn resume_async(&self, executor: &mut dyn Executor, outcome: &Outcome) -> Result<()> {
        executor.write(self.attack.adversarial().buffer, outcome.last.data())?;
        program::submit(executor, &self.attack.forward()).await?;
        program::submit(executor, &[self.attack.predict]).await
    }
}
