//! The loop: keeps the executor fed, collects the traces, and gives a place of the batch whose sample has stopped to
//! the next one, while the others go on.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use web_time::{Duration, Instant};

use super::input::Sample;
use super::iterations::Step;
use super::outcome::{Outcome, Progress, StopReason};
use super::pace::Pace;
use super::plan::Attack;
use super::snapshots::{Gallery, Snapshot, Snapshots};
use super::trace::state;
use crate::error::Result;
use crate::kernels::ledger;
use crate::program::{self, Executor, Readback, wait};
use crate::statistics::TraceRow;
use crate::tensor::{Shape, Tensor};

/// Where samples come from, and what takes what became of them. They are numbered in the order in which they are given.
pub(crate) trait Supply {
    /// The next sample, of the attack's shape; nothing if there is no more, which is final.
    ///
    /// # Errors
    /// What ends the run.
    fn next(&mut self) -> Result<Option<Sample<'_>>>;

    /// What became of the sample of this number, and its share of the seconds that the device took. One whose numbers left
    /// the finite range has failed, and the others go on.
    ///
    /// # Errors
    /// What ends the run.
    fn ended(&mut self, number: usize, outcome: Result<Outcome>, seconds: f64) -> Result<()>;

    /// Is told after each batch of iterations how far the samples are; `Break` ends all of them, and nothing more is told.
    fn progress(&mut self, now: Progress<'_>) -> ControlFlow<()>;
}

/// How samples are run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// What is kept along the way.
    pub snapshots: Snapshots,
    /// Whether a place whose sample has stopped is given to the next one; else each is filled once. Not of an attack that
    /// [steps in time](super::AttackConfig::steps_in_time).
    pub refills: bool,
}

/// A sample in a place of the batch.
struct UnderWay {
    number: usize,
    /// Iterations submitted before its first.
    since: u64,
    step: Option<Step>,
    stopped: u32,
    best_iteration: u32,
    reached: Option<u32>,
    gallery: Gallery,
    seconds: f64,
}

/// A sample that has left its place, and its images on their way.
struct Left {
    sample: UnderWay,
    trace: Vec<TraceRow>,
    images: Result<[Readback; 2]>,
}

/// A batch of iterations whose results have not been looked at.
struct Pending {
    /// Iterations submitted up to its end.
    end: u64,
    /// How many of them are its own.
    own: u32,
    ledger: Readback,
    predictions: Option<Readback>,
    images: Option<Readback>,
}

struct Run<'a> {
    attack: &'a Attack,
    manner: Manner,
    places: Vec<Option<UnderWay>>,
    /// Of the sample that each place has, or had last.
    traces: Vec<Vec<TraceRow>>,
    /// Samples that were begun.
    begun: usize,
    /// Whether free places stay so.
    is_closed: bool,
    /// Iterations submitted.
    submitted: u64,
    pace: Pace,
    /// How long the device was worked for since the last batch arrived.
    worked: Duration,
}

impl Attack {
    /// Attacks samples until there are no more, as many at once as the batch has places. Each comes to what it comes to
    /// alone, whichever place it has and whenever.
    ///
    /// # Errors
    /// If the device fails, or `samples` ends it.
    pub(crate) fn run_samples(
        &self,
        executor: &mut dyn Executor,
        supply: &mut dyn Supply,
        manner: Manner,
    ) -> Result<()> {
        wait(self.run_samples_async(executor, supply, manner))
    }

    /// The async form of [`Attack::run_samples`].
    ///
    /// # Errors
    /// If the device fails, or `samples` ends it.
    pub(crate) async fn run_samples_async(
        &self,
        executor: &mut dyn Executor,
        supply: &mut dyn Supply,
        manner: Manner,
    ) -> Result<()> {
        let mut run = Run::new(self, manner);
        let mut pending: VecDeque<Pending> = VecDeque::new();
        let mut left: Vec<Left> = Vec::new();
        let mut interrupted = false;
        loop {
            if !interrupted {
                run.fill(executor, supply)?;
            }
            let own = run.next_batch().filter(|_| !interrupted);
            if let Some(own) = own {
                pending.push_back(run.submit(executor, own).await?);
            }
            // Now that the device has something to do.
            for left in left.drain(..) {
                self.hand_over(left, supply).await?;
            }
            let goes_on = own.is_some() && run.next_batch().is_some();
            if goes_on && pending.len() < executor.batches_under_way() {
                continue;
            }
            let Some(arrived) = pending.pop_front() else {
                break;
            };
            let ended = run.collect(arrived).await?;
            // Batches that were under way by then still arrive.
            if !interrupted {
                interrupted = supply.progress(run.progress()).is_break();
            }
            for (place, ended) in ended {
                left.extend(run.leave(executor, place, ended)?);
            }
        }
        for place in 0..run.places.len() {
            if let Some(left) = run.leave(executor, place, Ok(()))? {
                self.hand_over(left, supply).await?;
            }
        }
        Ok(())
    }

    /// Waits for the images of a sample that has left.
    async fn hand_over(&self, left: Left, supply: &mut dyn Supply) -> Result<()> {
        let Left {
            sample,
            trace,
            images,
        } = left;
        let outcome = match images {
            Ok(images) => {
                let shape = Shape {
                    n: 1,
                    ..self.adversarial().shape
                };
                let [last, best] = images;
                let last = Tensor::new(shape, bytemuck::cast_vec(last.await?))?;
                let best = Tensor::new(shape, bytemuck::cast_vec(best.await?))?;
                Ok(Outcome {
                    stop: self.stop_reason(&sample, trace.len()),
                    trace,
                    last,
                    best,
                    best_iteration: sample.best_iteration,
                    reached: sample.reached,
                    step: sample.step,
                    snapshots: sample.gallery.into_snapshots(),
                })
            }
            Err(error) => Err(error),
        };
        supply.ended(sample.number, outcome, sample.seconds)
    }

    fn stop_reason(&self, sample: &UnderWay, iterations: usize) -> StopReason {
        let reached = match self.config.asma() {
            Some(_) => StopReason::IouReached,
            None => StopReason::GoalReached,
        };
        match sample.stopped {
            ledger::REACHED => reached,
            ledger::NO_PROGRESS => StopReason::NoProgress,
            _ if (iterations as u64) < u64::from(self.config.iterations()) => StopReason::Interrupted,
            _ if sample.reached.is_some() => reached,
            _ => StopReason::Iterations,
        }
    }
}

impl<'a> Run<'a> {
    fn new(attack: &'a Attack, manner: Manner) -> Run<'a> {
        let places = attack.adversarial().shape.n;
        Run {
            attack,
            manner,
            places: (0..places).map(|_| None).collect(),
            traces: vec![Vec::new(); places],
            begun: 0,
            is_closed: false,
            submitted: 0,
            pace: Pace::new(attack.config.iterations()),
            worked: Duration::ZERO,
        }
    }

    /// Begins a sample in each free place, as long as there are any.
    fn fill(&mut self, executor: &mut dyn Executor, supply: &mut dyn Supply) -> Result<()> {
        if self.is_closed {
            return Ok(());
        }
        for place in 0..self.places.len() {
            if self.places[place].is_some() {
                continue;
            }
            let next = match self.is_closed {
                true => None,
                false => supply.next()?,
            };
            let Some(sample) = next else {
                self.is_closed = true;
                self.attack.stop(executor, place)?;
                continue;
            };
            self.attack.begin(executor, place, sample)?;
            self.traces[place].clear();
            self.places[place] = Some(UnderWay {
                number: self.begun,
                since: self.submitted,
                step: sample.step,
                stopped: ledger::RUNNING,
                best_iteration: 0,
                reached: None,
                gallery: Gallery::new(self.manner.snapshots),
                seconds: 0.0,
            });
            self.begun += 1;
        }
        self.is_closed |= !self.manner.refills;
        Ok(())
    }

    /// How many iterations come next: to the end of the first sample that has all of its own then, at most. None if all have.
    fn next_batch(&self) -> Option<u32> {
        let remaining = self.going_on().map(|(_, done)| self.limit() - done).min()?;
        let distance = match self.manner.snapshots {
            Snapshots::WithImages => self.distance(),
            _ => u32::MAX,
        };
        let most = u64::from(self.pace.length().min(distance));
        Some(remaining.min(most) as u32)
    }

    /// The least distance between snapshots of any sample.
    fn distance(&self) -> u32 {
        let distances = self
            .places
            .iter()
            .flatten()
            .map(|sample| sample.gallery.distance());
        distances.min().unwrap_or(1)
    }

    /// Most iterations of a sample.
    fn limit(&self) -> u64 {
        self.attack.config.iterations().into()
    }

    /// The places of samples that have iterations left to be submitted, and how many were.
    fn going_on(&self) -> impl Iterator<Item = (usize, u64)> {
        let done = self.places.iter().enumerate().filter_map(|(place, sample)| {
            let sample = sample.as_ref()?;
            Some((place, self.submitted - sample.since))
        });
        done.filter(|(_, done)| *done < self.limit())
    }

    async fn submit(&mut self, executor: &mut dyn Executor, own: u32) -> Result<Pending> {
        let start = Instant::now();
        let attack = self.attack;
        let mut calls = Vec::new();
        for _ in 0..own {
            let numbers = self.going_on().map(|(_, number)| number);
            calls.extend_from_slice(attack.planned.calls.of(self.submitted, numbers));
            self.submitted += 1;
        }
        if self.manner.snapshots != Snapshots::None {
            calls.push(attack.predict);
        }
        program::submit(executor, &calls).await?;
        let image = attack.adversarial();
        let words = image.shape.n * attack.ledger_length();
        let ledger = executor.request_words(attack.planned.ledger, 0, words)?;
        let predictions = match self.manner.snapshots {
            Snapshots::None => None,
            Snapshots::Predictions | Snapshots::WithImages => Some(attack.request_predictions(executor)?),
        };
        let images = match self.manner.snapshots {
            Snapshots::None | Snapshots::Predictions => None,
            Snapshots::WithImages => Some(executor.request_words(image.buffer, 0, image.shape.elements())?),
        };
        // Others may go on, and those that have had all their iterations would too.
        for (place, sample) in self.places.iter().enumerate() {
            if sample
                .as_ref()
                .is_some_and(|sample| self.submitted - sample.since == self.limit())
            {
                attack.stop(executor, place)?;
            }
        }
        self.worked += start.elapsed();
        Ok(Pending {
            end: self.submitted,
            own,
            ledger,
            predictions,
            images,
        })
    }

    /// Takes new rows, stops and snapshots from a batch, and says which places' samples have ended, and whether in failure.
    async fn collect(&mut self, batch: Pending) -> Result<Vec<(usize, Result<()>)>> {
        let start = Instant::now();
        let attack = self.attack;
        let words = batch.ledger.await?;
        self.worked += start.elapsed();
        let took = std::mem::take(&mut self.worked);
        let predictions = match batch.predictions {
            Some(predictions) => Some(attack.predictions(&predictions.await?)?),
            None => None,
        };
        let images = match batch.images {
            Some(images) => {
                let words = bytemuck::cast_vec(images.await?);
                Some(Tensor::new(attack.adversarial().shape, words)?)
            }
            None => None,
        };
        let parity = (batch.end % 2) as usize;
        // Where a sample was begun after this batch, the ledger is still that of the one before it.
        let mut ran: Vec<(usize, &mut UnderWay)> = self
            .places
            .iter_mut()
            .enumerate()
            .filter_map(|(place, sample)| Some((place, sample.as_mut()?)))
            .filter(|(_, sample)| sample.since < batch.end)
            .collect();
        let share = took.as_secs_f64() / ran.len().max(1) as f64;
        let limit = attack.config.iterations() as usize;
        let mut ended = Vec::new();
        for (place, sample) in &mut ran {
            let place = *place;
            let words = &words[place * attack.ledger_length()..][..attack.ledger_length()];
            let trace = &mut self.traces[place];
            let state = state(words, parity);
            let before = trace.len();
            sample.seconds += share;
            sample.stopped = state[ledger::STATE_STOPPED];
            sample.best_iteration = state[ledger::STATE_BEST_ITERATION];
            sample.reached = Some(state[ledger::STATE_REACHED]).filter(|&reached| reached > 0);
            let rows = attack
                .check_finite(words)
                .and_then(|()| attack.rows(words, before..state[ledger::STATE_ITERATION] as usize));
            match rows {
                Ok(rows) => trace.extend(rows),
                Err(error) => {
                    ended.push((place, Err(error)));
                    continue;
                }
            }
            if let (Some(predictions), Some(row)) = (&predictions, trace.last())
                && trace.len() > before
            {
                sample.gallery.add(Snapshot {
                    iteration: row.iteration,
                    prediction: predictions[place].clone(),
                    image: images.as_ref().map(|images| images.sample(place)),
                });
            }
            if sample.stopped != ledger::RUNNING || trace.len() == limit {
                self.pace.ended(trace.len());
                ended.push((place, Ok(())));
            }
        }
        self.pace.took(batch.own, took, batch.end, !self.is_closed);
        Ok(ended)
    }

    fn progress(&self) -> Progress<'_> {
        let first = self.places.first().and_then(Option::as_ref);
        Progress {
            traces: &self.traces,
            moment: first.and_then(|sample| sample.gallery.last()),
            iterations: self.attack.config.iterations(),
        }
    }

    /// Takes the sample out of a place, if there is one: it has ended, maybe in failure.
    fn leave(
        &mut self,
        executor: &mut dyn Executor,
        place: usize,
        ended: Result<()>,
    ) -> Result<Option<Left>> {
        let Some(sample) = self.places[place].take() else {
            return Ok(None);
        };
        let attack = self.attack;
        let images = match ended {
            Ok(()) => {
                let shape = attack.adversarial().shape;
                let elements = shape.elements() / shape.n;
                let [last, best] = [attack.adversarial(), attack.best()]
                    .map(|image| executor.request_words(image.buffer, place * elements, elements));
                Ok([last?, best?])
            }
            Err(error) => {
                // It would go on, with numbers that are none.
                attack.stop(executor, place)?;
                Err(error)
            }
        };
        Ok(Some(Left {
            sample,
            trace: self.traces[place].clone(),
            images,
        }))
    }
}
