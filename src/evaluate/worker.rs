//! One who attacks: as many of one size at once as a batch has, or one after the other.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::batch::Batch;
use super::measure::of_loss;
use super::plans::{Executors, Key, Plans};
use super::record::Measured;
use super::tasks::{Prepared, Send, Tasks};
use crate::attack::{Attack, AttackConfig, Manner, Progress, Snapshots, StopReason};
use crate::error::{Error, Result};
use crate::job::{Attacked, Device, Listener, with_class_weights};
use crate::program::wait;
use crate::tensor::Shape;

pub(super) struct Worker<'a> {
    pub tasks: Tasks<'a>,
    pub plans: &'a Plans,
    pub executors: Executors<'a>,
    /// Most samples at once.
    pub batch: usize,
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
    pub fn work(&mut self, send: Send<'_>) -> Result<()> {
        while let Some((key, count)) = self.tasks.gather(self.batch, send)? {
            self.attack(key, count, send)?;
        }
        Ok(())
    }

    /// Attacks so many of the pairs that wait and are planned for this, and where places of a batch get free those that come.
    fn attack(&mut self, key: Key, count: usize, send: Send<'_>) -> Result<()> {
        let trial = &self.tasks.experiment.trials[key.trial];
        let configs = trial.config.with_each_loss(&trial.losses);
        let alone = match &configs[..] {
            [config] if count > 1 && !config.wants_class_weights() => {
                self.attack_batch(key, count, config, send)?
            }
            _ => self.tasks.take(key, count),
        };
        for pair in alone {
            if self.tasks.is_stopped() {
                return Ok(());
            }
            let task = pair.task;
            match self.attack_alone(pair, &configs) {
                Ok(Some((attacked, measured))) => self.tasks.end(task, &attacked, measured, send)?,
                Ok(None) => return Ok(()),
                Err(error) => self.tasks.fail(task, error, send)?,
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
                    let config = wait(with_class_weights(
                        config.clone(),
                        graph,
                        &pair.subject,
                        &mut self.executors,
                    ))?;
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
                None => aimed.attack(&attack, executor, &mut Stopping(self.tasks.stop))?,
            };
            if attacked.outcome.stop == StopReason::Interrupted {
                return Ok(None);
            }
            let device = executor.describe();
            let measured = self.tasks.measure(&pair, &attacked, &attack, &device)?;
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

    /// Attacks pairs in a batch, `count` of which wait; gives back those that are to be attacked alone. A batch that would not be
    /// half full is halved first: each size has to be planned.
    fn attack_batch(
        &mut self,
        key: Key,
        count: usize,
        config: &AttackConfig,
        send: Send<'_>,
    ) -> Result<Vec<Prepared>> {
        let mut samples = self.batch;
        while samples / 2 >= count {
            samples /= 2;
        }
        let batch = Key {
            shape: Shape {
                n: samples,
                ..key.shape
            },
            ..key
        };
        let Some(first) = self.tasks.first(key) else {
            return Ok(Vec::new());
        };
        let plan = |key| self.plans.get(key, &first.input.network.graph, config);
        let planned = plan(key).and_then(|single| Ok((single, plan(batch)?)));
        let ran = planned.and_then(|(single, attack)| {
            let [executor, alone] = self.executors.both(&attack, &single)?;
            let mut pairs = Batch::new(&mut self.tasks, key, samples, (&single, alone), send);
            let manner = Manner {
                snapshots: Snapshots::None,
                refills: !config.steps_in_time(),
            };
            let ran = attack.run_samples(executor, &mut pairs, manner);
            Ok((ran, pairs.into_lost()))
        });
        match ran {
            Ok((Ok(()), lost)) => Ok(lost),
            Ok((Err(error), lost)) => match self.is_too_much(&error) {
                true => Ok(lost),
                false => Err(error),
            },
            Err(error) => {
                self.is_too_much(&error);
                Ok(self.tasks.take(key, count))
            }
        }
    }

    /// Whether the device does not take so many at once, or not any more. Then those to come are attacked in batches half as
    /// large, and what was under way alone; on a device that is gone the first of these says so.
    fn is_too_much(&mut self, error: &Error) -> bool {
        let is_too_much = matches!(error, Error::Limit { .. } | Error::Device(_));
        if is_too_much {
            self.batch = (self.batch / 2).max(1);
            self.executors.clear();
        }
        is_too_much
    }
}
