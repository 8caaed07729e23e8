//! One who attacks: takes task by task, and as many of one size at once as a batch has.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use super::experiment::{Experiment, record};
use super::kept::keep;
use super::measure::{measured, of_loss, trace};
use super::pairs::Want;
use super::plans::{Executors, Key, Plans};
use super::record::{Measured, Record, TraceRecord, Verdict};
use crate::attack::budget::Loss;
use crate::attack::{Attack, AttackConfig, AttackInput, Outcome, Progress, Snapshots, StopReason};
use crate::data::Input;
use crate::error::{Error, Result};
use crate::job::{
    Aim, Aimed, Attacked, Device, ImageSource, Listener, MaskSource, Silent, Subject, with_class_weights,
};
use crate::labels::LabelMap;
use crate::tensor::{Shape, Tensor};

/// A task that ended.
pub(super) type Ended = (Record, Option<TraceRecord>);

pub(super) struct Worker<'a> {
    pub experiment: &'a Experiment<'a>,
    pub plans: &'a Plans,
    pub executors: Executors<'a>,
    pub on_cpu: bool,
    /// Most samples at once.
    pub batch: usize,
    /// The tasks, and which is the next.
    pub queue: (&'a [usize], &'a AtomicUsize),
    pub stop: &'a AtomicBool,
}

/// A pair with what is needed of it read.
pub(super) struct Prepared {
    task: usize,
    trial: usize,
    input: Input,
    subject: Subject,
    label: Option<LabelMap>,
}

/// So many times a batch wait at most for others of their size.
const MOST_WAITING: usize = 4;

/// Reads what a task needs.
pub(super) fn prepare(experiment: &Experiment<'_>, task: usize) -> Result<Prepared> {
    let (options, graph) = (experiment.input, &experiment.model.graph);
    let pair = &experiment.pairs[task / experiment.trials.len()];
    let silent = &mut Silent;
    let input = ImageSource::File(&pair.image).read(options, graph, silent)?;
    let region = match &pair.region {
        Some(region) => Some(MaskSource::File(region).read_region(options, &input, silent)?),
        None => None,
    };
    let aim = match &pair.want {
        Want::MaskOfAnother(mask) => {
            let mask = options.read_target_of_another(mask, &input)?;
            Aim::of(pair.goal().name(), mask.labels)
        }
        _ => pair.goal().read(options, graph, &input, silent)?,
    };
    let label = match &pair.label {
        Some(label) => Some(MaskSource::File(label).read_label(options, &input, silent)?),
        None => None,
    };
    let subject = Subject {
        source: input.image.clone(),
        aim,
        region,
        snapshots: Snapshots::None,
    };
    Ok(Prepared {
        task,
        trial: task % experiment.trials.len(),
        input,
        subject,
        label,
    })
}

impl Prepared {
    /// The attack on this pair alone, with the first of its losses, as planned without weights of classes.
    pub fn plan(&self, experiment: &Experiment<'_>, plans: &Plans) -> Result<Arc<Attack>> {
        let trial = &experiment.trials[self.trial];
        let graph = &self.input.network.graph;
        let first = trial.config.with_each_loss(&trial.losses).swap_remove(0);
        if !first.wants_class_weights() {
            return plans.get(self.key(0, 1), graph, &first);
        }
        let unweighted = first.with_each_loss(&[Loss::CrossEntropy]).swap_remove(0);
        let (shape, region) = (self.input.image.shape(), self.subject.region.is_some());
        Ok(Arc::new(Attack::new(graph, shape, unweighted, region)?))
    }

    fn key(&self, loss: usize, samples: usize) -> Key {
        Key {
            trial: self.trial,
            loss,
            shape: Shape {
                n: samples,
                ..self.input.image.shape()
            },
            region: self.subject.region.is_some(),
        }
    }
}

/// Ends an attack once all are to stop.
struct Stopping<'a>(&'a AtomicBool);

impl Listener for Stopping<'_> {
    fn progress(&mut self, _: Progress<'_>) -> ControlFlow<()> {
        match self.0.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

impl Worker<'_> {
    /// Works until there is no task left, or all are to stop. What is under way then is lost.
    pub fn work(&mut self, send: &dyn Fn(Ended) -> Result<()>) -> Result<()> {
        let mut waiting: Vec<Prepared> = Vec::new();
        let (tasks, next) = self.queue;
        while !self.stop.load(Ordering::Relaxed) {
            let Some(&task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) else {
                break;
            };
            match prepare(self.experiment, task) {
                Ok(prepared) => waiting.push(prepared),
                Err(error) => self.fail(task, error, send)?,
            }
            // Those that wait longest go first.
            let count = |of: &Prepared| waiting.iter().filter(|other| same(of, other)).count();
            let full = waiting.last().is_some_and(|last| count(last) >= self.batch);
            if full && let Some(last) = waiting.last().map(|last| last.key(0, 1)) {
                self.attack_all(take(&mut waiting, last, self.batch), send)?;
            } else if waiting.len() >= MOST_WAITING * self.batch {
                let first = waiting[0].key(0, 1);
                self.attack_all(take(&mut waiting, first, self.batch), send)?;
            }
        }
        while !self.stop.load(Ordering::Relaxed)
            && let Some(first) = waiting.first().map(|first| first.key(0, 1))
        {
            self.attack_all(take(&mut waiting, first, self.batch), send)?;
        }
        Ok(())
    }

    fn fail(&self, task: usize, error: Error, send: &dyn Fn(Ended) -> Result<()>) -> Result<()> {
        match error {
            // A device that is gone fails every task from here on. On the CPU it is memory that this one lacks.
            Error::Device(_) if !self.on_cpu => Err(error),
            error => {
                let reason = error.to_string();
                let failed = Verdict::Failed { reason };
                send((record(self.experiment, task, failed), None))
            }
        }
    }

    /// Attacks pairs of one size with one trial.
    fn attack_all(&mut self, pairs: Vec<Prepared>, send: &dyn Fn(Ended) -> Result<()>) -> Result<()> {
        let configs = match pairs.first() {
            Some(first) => {
                let trial = &self.experiment.trials[first.trial];
                trial.config.with_each_loss(&trial.losses)
            }
            None => return Ok(()),
        };
        let mut alone = pairs;
        if let ([config], 2..) = (&configs[..], alone.len())
            && !config.wants_class_weights()
        {
            alone = self.attack_batch(alone, config, send)?;
        }
        for pair in alone {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let task = pair.task;
            match self.attack_alone(pair, &configs) {
                Ok(Some((attacked, measured))) => self.end(task, &attacked, measured, send)?,
                Ok(None) => return Ok(()),
                Err(error) => self.fail(task, error, send)?,
            }
        }
        Ok(())
    }

    /// Attacks one pair with each of the losses, and keeps the worst for the network; nothing if it was stopped.
    fn attack_alone(
        &mut self,
        pair: Prepared,
        configs: &[AttackConfig],
    ) -> Result<Option<(Attacked, Measured)>> {
        let graph = &pair.input.network.graph;
        let mut worst: Option<(Attacked, Measured)> = None;
        let mut losses = Vec::new();
        let (mut forward_passes, mut backward_passes, mut seconds) = (0, 0, 0.0);
        for (loss, config) in configs.iter().enumerate() {
            // Weights of classes are of this pair alone, so that neither plan nor executor is of use to another.
            let (attack, mut own) = match config.wants_class_weights() {
                true => {
                    let config =
                        with_class_weights(config.clone(), graph, &pair.subject, &mut self.executors)?;
                    let shape = pair.input.image.shape();
                    let attack = Attack::new(graph, shape, config, pair.subject.region.is_some())?;
                    let executor = self.executors.executor(attack.program())?;
                    (Arc::new(attack), Some(executor))
                }
                false => (self.plans.get(pair.key(loss, 1), graph, config)?, None),
            };
            let executor = match &mut own {
                Some(executor) => executor.as_mut(),
                None => self.executors.of(&attack)?,
            };
            let aimed = pair.subject.clone().aim(&attack, executor)?;
            let attacked = match aimed.why_idle {
                Some(_) => aimed.unattacked(&attack, executor)?,
                None => aimed.attack(&attack, executor, &mut Stopping(self.stop))?,
            };
            if attacked.outcome.stop == StopReason::Interrupted {
                return Ok(None);
            }
            let thresholds = self.experiment.thresholds;
            let device = executor.describe();
            let measured = measured(&attacked, pair.label.as_ref(), &attack, &device, thresholds)?;
            if let AttackConfig::Budget(budget) = config
                && configs.len() > 1
            {
                losses.push(of_loss(budget.loss.to_string(), &measured));
            }
            forward_passes += measured.forward_passes;
            backward_passes += measured.backward_passes;
            seconds += measured.seconds;
            let scores = attacked.judged.saved_scores();
            let is_worse =
                |(other, _): &(Attacked, Measured)| attack.is_better(&scores, &other.judged.saved_scores());
            if worst.as_ref().is_none_or(is_worse) {
                worst = Some((attacked, measured));
            }
        }
        if let Some((_, measured)) = &mut worst {
            measured.losses = losses;
            // All losses were run, whichever is kept.
            measured.forward_passes = forward_passes;
            measured.backward_passes = backward_passes;
            measured.seconds = seconds;
        }
        Ok(worst)
    }

    /// Attacks pairs of one size in one batch; gives back those that are to be attacked alone.
    fn attack_batch(
        &mut self,
        pairs: Vec<Prepared>,
        config: &AttackConfig,
        send: &dyn Fn(Ended) -> Result<()>,
    ) -> Result<Vec<Prepared>> {
        let mut aimed: Vec<(Prepared, Aimed)> = Vec::new();
        let mut alone = Vec::new();
        for pair in pairs {
            match self.aim(&pair, config) {
                Ok(one) if one.why_idle.is_none() => aimed.push((pair, one)),
                Ok(_) => alone.push(pair),
                Err(error) => self.fail(pair.task, error, send)?,
            }
        }
        let give_back = |mut alone: Vec<Prepared>, aimed: Vec<(Prepared, Aimed)>| {
            alone.extend(aimed.into_iter().map(|(pair, _)| pair));
            alone
        };
        if aimed.len() < 2 {
            return Ok(give_back(alone, aimed));
        }
        let (outcomes, seconds) = match self.run_batch(&aimed, config) {
            Ok(ran) => ran,
            // The device does not take so many at once, or not any more. These are attacked alone, those to come in batches
            // half as large; on a device that is gone the first of them says so.
            Err(Error::Limit { .. } | Error::Device(_)) => {
                self.batch = (self.batch / 2).max(1);
                self.executors.clear();
                return Ok(give_back(alone, aimed));
            }
            // One of them, and which one is only to be seen alone.
            Err(_) => return Ok(give_back(alone, aimed)),
        };
        let share = seconds / aimed.len() as f64;
        for ((pair, one), outcome) in aimed.into_iter().zip(outcomes) {
            if outcome.stop == StopReason::Interrupted {
                continue;
            }
            match self.judge(&pair, one, config, outcome, share) {
                Ok((attacked, measured)) => self.end(pair.task, &attacked, measured, send)?,
                Err(error) => self.fail(pair.task, error, send)?,
            }
        }
        Ok(alone)
    }

    /// Finds the target of a pair with the attack on it alone.
    fn aim(&mut self, pair: &Prepared, config: &AttackConfig) -> Result<Aimed> {
        let single = self
            .plans
            .get(pair.key(0, 1), &pair.input.network.graph, config)?;
        pair.subject.clone().aim(&single, self.executors.of(&single)?)
    }

    /// Judges what a batch left of a pair, with the attack on it alone.
    fn judge(
        &mut self,
        pair: &Prepared,
        aimed: Aimed,
        config: &AttackConfig,
        outcome: Outcome,
        seconds: f64,
    ) -> Result<(Attacked, Measured)> {
        let single = self
            .plans
            .get(pair.key(0, 1), &pair.input.network.graph, config)?;
        let executor = self.executors.of(&single)?;
        let attacked = aimed.judge(&single, executor, outcome, seconds)?;
        let thresholds = self.experiment.thresholds;
        let device = executor.describe();
        let measured = measured(&attacked, pair.label.as_ref(), &single, &device, thresholds)?;
        Ok((attacked, measured))
    }

    /// The outcomes of all samples, and how long the attack took. A batch that is not full is filled with its last sample, one
    /// that is not half full is halved first: each size has to be planned.
    fn run_batch(
        &mut self,
        aimed: &[(Prepared, Aimed)],
        config: &AttackConfig,
    ) -> Result<(Vec<Outcome>, f64)> {
        let Some((first, _)) = aimed.first() else {
            return Ok((Vec::new(), 0.0));
        };
        let mut samples = self.batch;
        while samples / 2 >= aimed.len() {
            samples /= 2;
        }
        let key = first.key(0, samples);
        let attack = self.plans.get(key, &first.input.network.graph, config)?;
        let filled = || (0..samples).map(|sample| &aimed[sample.min(aimed.len() - 1)].1);
        let mut source = Vec::with_capacity(key.shape.elements());
        filled().for_each(|one| source.extend_from_slice(one.source.data()));
        let source = Tensor::new(key.shape, source)?;
        let targets: Vec<LabelMap> = filled().map(|one| one.target.clone()).collect();
        let regions: Vec<LabelMap> = filled().filter_map(|one| one.region.clone()).collect();
        let executor = self.executors.of(&attack)?;
        let mut stopping = Stopping(self.stop);
        let input = AttackInput {
            source: &source,
            targets: &targets,
            regions: &regions,
            snapshots: Snapshots::None,
        };
        let start = Instant::now();
        let outcomes = attack.run(executor, input, &mut |now| stopping.progress(now))?;
        Ok((outcomes, start.elapsed().as_secs_f64()))
    }

    fn end(
        &self,
        task: usize,
        attacked: &Attacked,
        measured: Measured,
        send: &dyn Fn(Ended) -> Result<()>,
    ) -> Result<()> {
        if let Some(folder) = self.experiment.saved {
            keep(folder, task, attacked)?;
        }
        let trace = trace(task, &attacked.outcome.trace);
        let done = Verdict::Done(Box::new(measured));
        send((record(self.experiment, task, done), Some(trace)))
    }
}

fn same(one: &Prepared, other: &Prepared) -> bool {
    one.key(0, 1) == other.key(0, 1)
}

/// Takes those that can be attacked together out of what waits, so many at most.
fn take(waiting: &mut Vec<Prepared>, key: Key, most: usize) -> Vec<Prepared> {
    let alike = waiting.extract_if(.., |pair| pair.key(0, 1) == key);
    alike.take(most).collect()
}
