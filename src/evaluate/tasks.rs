//! What is to be attacked, read one after the other; and what becomes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::experiment::{Experiment, record};
use super::kept::keep;
use super::measure::{measured, trace};
use super::pairs::Want;
use super::plans::{Key, Plans};
use super::record::{Measured, Record, TraceRecord, Verdict};
use crate::attack::budget::Loss;
use crate::attack::{Attack, Snapshots};
use crate::data::Input;
use crate::error::{Error, Result};
use crate::job::{Aim, Attacked, ImageSource, MaskSource, Silent, Subject};
use crate::labels::LabelMap;
use crate::tensor::Shape;

/// A task that ended.
pub(super) type Ended = (Record, Option<TraceRecord>);

/// Takes the tasks that ended.
pub(super) type Send<'a> = &'a dyn Fn(Ended) -> Result<()>;

/// A pair with what is needed of it read.
pub(super) struct Prepared {
    pub task: usize,
    pub trial: usize,
    pub input: Input,
    pub subject: Subject,
    pub label: Option<LabelMap>,
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

    /// What the attack on as many samples like this one is planned for.
    pub fn key(&self, loss: usize, samples: usize) -> Key {
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

    /// What all are attacked for, and with, that can share a batch.
    pub fn alike(&self) -> Key {
        self.key(0, 1)
    }
}

/// The tasks of one who attacks: the pairs that were read and wait for others of their size, and those to come.
pub(super) struct Tasks<'a> {
    pub experiment: &'a Experiment<'a>,
    pub on_cpu: bool,
    /// All tasks, and which is the next; ordered by trial.
    pub queue: (&'a [usize], &'a AtomicUsize),
    pub stop: &'a AtomicBool,
    waiting: Vec<Prepared>,
}

impl<'a> Tasks<'a> {
    pub fn new(
        experiment: &'a Experiment<'a>,
        on_cpu: bool,
        queue: (&'a [usize], &'a AtomicUsize),
        stop: &'a AtomicBool,
    ) -> Self {
        Tasks {
            experiment,
            on_cpu,
            queue,
            stop,
            waiting: Vec::new(),
        }
    }

    /// Whether all are to stop. What is under way then is lost.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Reads the next pair that can be read.
    fn read(&self, send: Send<'_>) -> Result<Option<Prepared>> {
        let (tasks, next) = self.queue;
        while !self.is_stopped()
            && let Some(&task) = tasks.get(next.fetch_add(1, Ordering::Relaxed))
        {
            match prepare(self.experiment, task) {
                Ok(prepared) => return Ok(Some(prepared)),
                Err(error) => self.fail(task, error, send)?,
            }
        }
        Ok(None)
    }

    /// Reads on until as many as a batch has can be attacked together, or no more may wait. Says what they are planned for, and
    /// how many of them wait, up to a batch; nothing if there are none left, or all are to stop.
    pub fn gather(&mut self, batch: usize, send: Send<'_>) -> Result<Option<(Key, usize)>> {
        loop {
            // Those that wait longest go first.
            let mut keys = self.waiting.iter().map(Prepared::alike);
            if let Some(key) = keys.find(|key| self.count(*key) >= batch) {
                return Ok(Some((key, batch)));
            }
            if self.waiting.len() >= MOST_WAITING * batch {
                break;
            }
            match self.read(send)? {
                Some(pair) => self.waiting.push(pair),
                None => break,
            }
        }
        let first = self.waiting.first().filter(|_| !self.is_stopped());
        Ok(first.map(|first| (first.alike(), self.count(first.alike()))))
    }

    fn count(&self, key: Key) -> usize {
        self.waiting.iter().filter(|pair| pair.alike() == key).count()
    }

    /// The first that waits of those that are planned for this.
    pub fn first(&self, key: Key) -> Option<&Prepared> {
        self.waiting.iter().find(|pair| pair.alike() == key)
    }

    /// Takes so many that wait and are planned for this.
    pub fn take(&mut self, key: Key, count: usize) -> Vec<Prepared> {
        let alike = self.waiting.extract_if(.., |pair| pair.alike() == key);
        alike.take(count).collect()
    }

    /// The next pair that is planned for this: of those that wait, else of those to come, of which no more may wait than are
    /// gathered for a batch.
    pub fn next(&mut self, key: Key, batch: usize, send: Send<'_>) -> Result<Option<Prepared>> {
        if let Some(pair) = self.take(key, 1).pop() {
            return Ok(Some(pair));
        }
        while self.waiting.len() < MOST_WAITING * batch
            && let Some(pair) = self.read(send)?
        {
            if pair.alike() == key {
                return Ok(Some(pair));
            }
            let is_of_a_later_trial = pair.trial != key.trial;
            self.waiting.push(pair);
            if is_of_a_later_trial {
                break;
            }
        }
        Ok(None)
    }

    /// Records a task that failed.
    pub fn fail(&self, task: usize, error: Error, send: Send<'_>) -> Result<()> {
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

    /// Records a task that is done.
    pub fn end(&self, task: usize, attacked: &Attacked, measured: Measured, send: Send<'_>) -> Result<()> {
        if let Some(folder) = self.experiment.saved {
            keep(folder, task, attacked)?;
        }
        let trace = trace(task, &attacked.outcome.trace);
        let done = Verdict::Done(Box::new(measured));
        send((record(self.experiment, task, done), Some(trace)))
    }

    /// Measures what an attack on a pair alone left on the device of this description.
    pub fn measure(
        &self,
        pair: &Prepared,
        attacked: &Attacked,
        attack: &Attack,
        device: &str,
    ) -> Result<Measured> {
        let thresholds = self.experiment.thresholds;
        let measured = measured(attacked, pair.label.as_ref(), attack.config(), device, thresholds)?;
        Ok(Measured {
            notes: pair.input.notes.clone(),
            ..measured
        })
    }
}
