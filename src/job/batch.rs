//! Images of one size that are in memory, attacked together: each is its own attack, and comes to what it comes to alone.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use web_time::Instant;

use super::attacked::{Aimed, Attacked, Subject};
use super::device::Device;
use super::goal::Goal;
use super::listener::{Listener, Recorder, Silent};
use super::samples::Samples;
use super::sources::{ImageSource, MaskSource};
use super::summary::Names;
use super::worst::{self, Idle};
use super::{Performed, check_purpose};
use crate::attack::budget::Loss;
use crate::attack::{Attack, AttackConfig, AttackInput, Outcome, Progress, Snapshots, StopReason};
use crate::data::{Input, InputOptions};
use crate::error::{Error, Result};
use crate::labels::LabelMap;
use crate::model::Model;
use crate::program::{Executor, wait};
use crate::report::Summary;
use crate::tensor::{Shape, Tensor};

/// Most bytes that the buffers of a group may take.
const ROOM: u64 = 2 << 30;
/// Most images of a group.
const MOST_TOGETHER: u64 = 32;

/// What is attacked, and how.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// The network.
    pub model: &'a Model,
    /// What it is called.
    pub name: &'a str,
    /// The images: N×C×H×W in \[0, 1\], with as many channels as the network takes.
    pub images: &'a dyn Samples,
    /// What the network shall predict of each image, or of all if there is one.
    pub goals: &'a [Goal<'a>],
    /// The pixels of each image that may change, 1 where they may, or of all if there is one; all pixels if there is none.
    pub regions: &'a [LabelMap],
    /// The attack's settings.
    pub config: AttackConfig,
    /// Losses that are each attacked with, of which what is worst for the network is kept; if there are none, that of the
    /// settings.
    pub losses: &'a [Loss],
    /// What is kept along the way.
    pub snapshots: Snapshots,
    /// How many images run in step at most; as many as memory allows if `None`.
    pub together: Option<usize>,
}

impl Batch<'_> {
    /// Attacks all images. Where the network predicts what it shall already, an image is judged as it is
    /// ([`StopReason::NothingToAttack`]). Once the listener has ended it, what was under way is kept, and images whose turn had
    /// not come are judged as they are ([`StopReason::Interrupted`]).
    ///
    /// # Errors
    /// If an image, goal or region does not fit the network, the settings cannot be, the numbers of an image leave the finite
    /// range, or the device fails.
    pub fn run(&self, device: &mut dyn Device, listener: &mut dyn Listener) -> Result<Vec<Performed>> {
        let mut listener = Recorder::new(listener);
        let precision = device.precision(self.config.precision())?;
        let config = self.config.clone().with_precision(precision);
        let (input, subjects) = self.subjects(&config, &mut listener)?;
        let alone = subjects.len() == 1 || self.losses.len() > 1 || config.wants_class_weights();
        let mut run = Run {
            batch: self,
            performed: vec![None; subjects.len()],
            input,
            config,
            device,
            stopping: Stopping {
                listener: &mut listener,
                is_stopped: false,
            },
        };
        match alone {
            true => run.one_by_one(subjects)?,
            false => run.in_groups(subjects)?,
        }
        let performed = run.performed;
        let (accepted, notes) = listener.into_lines();
        let performed = performed
            .into_iter()
            .flatten()
            .map(|(attacked, summary)| Performed {
                attacked,
                summary,
                own_format: None,
                accepted: accepted.clone(),
                notes: notes.clone(),
            });
        Ok(performed.collect())
    }

    /// All images with what is wanted of them, and how the first was prepared, as all are.
    fn subjects(&self, config: &AttackConfig, listener: &mut dyn Listener) -> Result<(Input, Vec<Subject>)> {
        let count = self.images.shape().n;
        if count == 0 {
            return Err(Error::Usage("0 images were given; want at least one".into()));
        }
        check_count("target", self.goals.len(), count)?;
        if !self.regions.is_empty() {
            check_count("region", self.regions.len(), count)?;
        }
        let options = InputOptions::default();
        let graph = &self.model.graph;
        let mut subjects = Vec::with_capacity(count);
        let mut first: Option<Input> = None;
        for number in 0..count {
            // What is said of all of them is said once.
            let told: &mut dyn Listener = match number {
                0 => &mut *listener,
                _ => &mut Silent,
            };
            let name = called(number);
            let image = self.images.copied(number)?;
            let source = ImageSource::Memory {
                name: &name,
                image: &image,
            };
            let input = source.read(&options, graph, told)?;
            let goal = self.goals[number.min(self.goals.len() - 1)];
            check_purpose(config, goal)?;
            if number == 0 {
                let output = input.network.output.c;
                // One channel stands for two classes.
                config.check_without_weights(output.max(2))?;
                config.notes(output).iter().for_each(|note| told.note(note));
            }
            let region = match self.regions {
                [] => None,
                regions => {
                    let labels = &regions[number.min(regions.len() - 1)];
                    let name = format!("region {number}");
                    let region = MaskSource::Memory { name: &name, labels };
                    Some(region.read_region(&options, &input, told)?)
                }
            };
            let subject = Subject {
                source: input.image.clone(),
                aim: goal.read(&options, graph, &input, told)?,
                region,
                snapshots: self.snapshots,
            };
            subjects.push(subject);
            first.get_or_insert(input);
        }
        match first {
            Some(input) => Ok((input, subjects)),
            None => Err(Error::Usage("0 images were given; want at least one".into())),
        }
    }

    fn names(&self, number: usize) -> Names {
        let goal = self.goals[number.min(self.goals.len() - 1)];
        Names {
            image: called(number),
            target: goal.name(),
            weights: self.name.into(),
            network: self.model.name.clone(),
            region: (!self.regions.is_empty()).then(|| format!("region {number}")),
            ..Names::default()
        }
    }
}

/// What an image in memory is called.
fn called(number: usize) -> String {
    format!("image {number}")
}

fn check_count(what: &str, found: usize, images: usize) -> Result<()> {
    match found == 1 || found == images {
        true => Ok(()),
        false => Err(Error::Usage(format!(
            "{found} {what}s were given for {images} images; want one for each, or one for all"
        ))),
    }
}

/// Remembers that the listener has ended it.
struct Stopping<'a, 'b> {
    listener: &'a mut Recorder<'b>,
    is_stopped: bool,
}

impl Listener for Stopping<'_, '_> {
    fn accepted(&mut self, line: &str) {
        self.listener.accepted(line);
    }

    fn note(&mut self, line: &str) {
        self.listener.note(line);
    }

    fn attacks(&mut self, images: &[usize]) {
        self.listener.attacks(images);
    }

    fn begins(&mut self, iterations: u32) {
        self.listener.begins(iterations);
    }

    fn progress(&mut self, now: Progress<'_>) -> ControlFlow<()> {
        let flow = self.listener.progress(now);
        self.is_stopped |= flow.is_break();
        flow
    }

    fn ended(&mut self) {
        self.listener.ended();
    }
}

/// A batch that is being attacked.
struct Run<'a, 'b, 'c> {
    batch: &'a Batch<'a>,
    input: Input,
    config: AttackConfig,
    device: &'b mut dyn Device,
    stopping: Stopping<'b, 'c>,
    /// What became of each image.
    performed: Vec<Option<(Attacked, Summary)>>,
}

impl Run<'_, '_, '_> {
    /// Each image by itself, as a job on it alone is.
    fn one_by_one(&mut self, subjects: Vec<Subject>) -> Result<()> {
        let mut subjects = subjects.into_iter().enumerate();
        while !self.stopping.is_stopped
            && let Some((number, subject)) = subjects.next()
        {
            self.stopping.attacks(&[number]);
            let (attacked, summary, _) = wait(worst::attack(
                self.batch.losses,
                self.config.clone(),
                self.input.network.graph.clone(),
                subject,
                self.device,
                &mut self.stopping,
                self.batch.names(number),
                Idle::Judged,
            ))?;
            self.performed[number] = Some((attacked, summary));
        }
        let mut left = subjects.peekable();
        if let Some((_, first)) = left.peek() {
            let (single, mut executor) = self.single(first)?;
            for (number, subject) in left {
                let aimed = subject.aim(&single, executor.as_mut())?;
                self.leave(number, aimed, &single, executor.as_mut())?;
            }
        }
        Ok(())
    }

    /// The attack on an image like this one alone, which finds targets and judges.
    fn single(&mut self, like: &Subject) -> Result<(Attack, Box<dyn Executor>)> {
        let config = match self.config.wants_class_weights() {
            // They are of one image, and neither target nor judgement follows from them.
            true => self.config.with_each_loss(&[Loss::CrossEntropy]).swap_remove(0),
            false => self.config.clone(),
        };
        let graph = &self.input.network.graph;
        let attack = Attack::new(graph, like.source.shape(), config, like.region.is_some())?;
        let executor = self.device.executor(attack.program())?;
        Ok((attack, executor))
    }

    /// As many images at once as memory allows.
    fn in_groups(&mut self, subjects: Vec<Subject>) -> Result<()> {
        let Some(first) = subjects.first() else {
            return Ok(());
        };
        let (single, mut executor) = self.single(first)?;
        let fitting = || {
            let fitting = ROOM / single.program().bytes().max(1);
            fitting.min(MOST_TOGETHER) as usize
        };
        let mut together = self.batch.together.unwrap_or_else(fitting).max(1);
        let mut waiting = VecDeque::new();
        for (number, subject) in subjects.into_iter().enumerate() {
            let aimed = subject.aim(&single, executor.as_mut())?;
            match aimed.why_idle {
                Some(_) => self.leave(number, aimed, &single, executor.as_mut())?,
                None => waiting.push_back((number, aimed)),
            }
        }
        while !waiting.is_empty() && !self.stopping.is_stopped {
            let count = together.min(waiting.len());
            let group = &waiting.make_contiguous()[..count];
            let start = Instant::now();
            let outcomes = match self.attack_together(group) {
                // The device does not take so many at once.
                Err(Error::Limit { .. } | Error::Device(_)) if group.len() > 1 => {
                    together = group.len() / 2;
                    continue;
                }
                outcomes => outcomes?,
            };
            let seconds = start.elapsed().as_secs_f64() / group.len() as f64;
            for outcome in outcomes {
                if let Some((number, aimed)) = waiting.pop_front() {
                    let attacked = aimed.judge(&single, executor.as_mut(), outcome, seconds)?;
                    self.keep(number, attacked, &single, executor.as_ref());
                }
            }
        }
        for (number, aimed) in waiting {
            self.leave(number, aimed, &single, executor.as_mut())?;
        }
        Ok(())
    }

    /// What becomes of images that run in step.
    fn attack_together(&mut self, group: &[(usize, Aimed)]) -> Result<Vec<Outcome>> {
        let numbers: Vec<usize> = group.iter().map(|(number, _)| *number).collect();
        let one = group[0].1.source.shape();
        let shape = Shape {
            n: group.len(),
            ..one
        };
        let sources = group.iter().flat_map(|(_, aimed)| aimed.source.data());
        let source = Tensor::new(shape, sources.copied().collect())?;
        let targets: Vec<LabelMap> = group.iter().map(|(_, aimed)| aimed.target.clone()).collect();
        let regions: Vec<LabelMap> = group
            .iter()
            .filter_map(|(_, aimed)| aimed.region.clone())
            .collect();
        let graph = &self.input.network.graph;
        let attack = Attack::new(graph, shape, self.config.clone(), !regions.is_empty())?;
        let mut executor = self.device.executor(attack.program())?;
        let input = AttackInput {
            source: &source,
            targets: &targets,
            regions: &regions,
            snapshots: self.batch.snapshots,
        };
        let listener = &mut self.stopping;
        listener.attacks(&numbers);
        listener.begins(self.config.iterations());
        let outcomes = attack.run(executor.as_mut(), input, &mut |now| listener.progress(now));
        listener.ended();
        outcomes
    }

    /// Judges an image as it is: there is nothing to attack, or its turn did not come.
    fn leave(
        &mut self,
        number: usize,
        aimed: Aimed,
        single: &Attack,
        executor: &mut dyn Executor,
    ) -> Result<()> {
        let is_idle = aimed.why_idle.is_some();
        let mut attacked = aimed.unattacked(single, executor)?;
        if !is_idle {
            attacked.outcome.stop = StopReason::Interrupted;
        }
        self.keep(number, attacked, single, executor);
        Ok(())
    }

    fn keep(&mut self, number: usize, attacked: Attacked, single: &Attack, executor: &dyn Executor) {
        let summary = attacked.summary(single, executor, self.batch.names(number));
        self.performed[number] = Some((attacked, summary));
    }
}
