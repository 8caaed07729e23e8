//! Pairs attacked side by side, each as it would be alone.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::experiment::Experiment;
use super::plans::{Executors, OpenExecutor, Plans, bytes};
use super::record::{Record, TraceRecord};
use super::tasks::{Ended, Tasks, prepare};
use super::worker::Worker;
use crate::error::{Error, Result};

/// What an experiment runs on.
#[derive(Clone, Copy)]
pub struct Devices<'a> {
    /// Makes an executor.
    pub open: &'a OpenExecutor<'a>,
    /// Whether that is the CPU, where pairs are attacked on threads of their own; elsewhere as batches.
    pub on_cpu: bool,
    /// How many pairs at a time; as many as memory and threads allow if `None`.
    pub at_once: Option<usize>,
}

/// What is told of an experiment while it runs.
pub trait Sink {
    /// A task ended. What went wrong here ends the experiment.
    ///
    /// # Errors
    /// If what came of it cannot be kept.
    fn ended(&mut self, record: Record, trace: Option<TraceRecord>) -> Result<()>;

    /// Is asked several times a second; `Break` ends the experiment, and what is under way is lost.
    fn tick(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Most bytes of all executors together.
const ROOM: u64 = 2 << 30;
/// Most samples of a batch.
const MOST_IN_BATCH: u64 = 32;
/// How often the sink is asked whether to go on.
const TICK: Duration = Duration::from_millis(100);
/// So many pairs are tried to see what an attack takes: the first of a data set may be broken.
const MOST_TRIED: usize = 16;

impl Experiment<'_> {
    /// Runs these tasks, numbered as [`Record::task`], of one trial after the other. A pair that cannot be read or attacked
    /// is a record too. `Break` if the sink asked to stop.
    ///
    /// # Errors
    /// If a task is out of range, the device fails, an image cannot be kept, or the sink fails.
    pub fn run(&self, tasks: &[usize], devices: Devices<'_>, sink: &mut dyn Sink) -> Result<ControlFlow<()>> {
        let mut tasks: Vec<usize> = tasks.to_vec();
        if let Some(task) = tasks.iter().find(|task| **task >= self.task_count()) {
            return Err(Error::Usage(format!(
                "task {task} is out of range: {} pairs and {} trials make {} tasks",
                self.pairs.len(),
                self.trials.len(),
                self.task_count()
            )));
        }
        tasks.sort_unstable_by_key(|task| (task % self.trials.len().max(1), *task));
        let plans = Plans::default();
        let each = self.bytes_of_one(&tasks, &plans).max(1);
        let fitting = ROOM / each;
        let asked = devices.at_once.map(|count| count as u64);
        let threads = rayon::current_num_threads();
        let (places, batch) = match devices.on_cpu {
            true => (asked.unwrap_or(fitting).clamp(1, threads as u64) as usize, 1),
            false => {
                // Beside a batch stands the plan of one, which judges.
                let fitting = fitting.saturating_sub(1).min(MOST_IN_BATCH);
                (1, asked.unwrap_or(fitting).max(1) as usize)
            }
        };
        let room = ROOM.max((batch as u64 + 1).saturating_mul(each));
        let (stop, next) = (AtomicBool::new(false), AtomicUsize::new(0));
        let worker = || Worker {
            tasks: Tasks::new(self, devices.on_cpu, (&tasks, &next), &stop),
            plans: &plans,
            executors: Executors::new(devices.open, room / places as u64),
            batch,
        };
        // Where the system allows no threads, this one alone computes, and another would wait for it for ever.
        if rayon::current_thread_index().is_some() {
            return run_here(worker(), &stop, sink);
        }
        let pools: Vec<Option<rayon::ThreadPool>> = (0..places)
            .map(|place| {
                // What the division leaves goes to the first ones.
                let share = threads / places + usize::from(place < threads % places);
                (places > 1)
                    .then(|| rayon::ThreadPoolBuilder::new().num_threads(share).build().ok())
                    .flatten()
            })
            .collect();
        let (sender, receiver) = channel();
        std::thread::scope(|scope| {
            for pool in &pools {
                let (sender, worker) = (sender.clone(), &worker);
                let work = move || {
                    let end = match pool {
                        Some(pool) => pool.install(|| worker().work(&|ended| send(&sender, ended))),
                        None => worker().work(&|ended| send(&sender, ended)),
                    };
                    if let Err(error) = end {
                        let _ = sender.send(Message::Broken(error));
                    }
                };
                if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    log::warn!("the system allows no thread more, so fewer pairs are attacked at once");
                }
            }
            drop(sender);
            collect(&receiver, &stop, sink)
        })
        .and_then(|end| match end {
            // No thread could be started at all.
            ControlFlow::Continue(()) if next.load(Ordering::Relaxed) < tasks.len() => {
                run_here(worker(), &stop, sink)
            }
            end => Ok(end),
        })
    }

    /// What an executor for one pair takes, as told by the first that can be read; nothing where none can.
    fn bytes_of_one(&self, tasks: &[usize], plans: &Plans) -> u64 {
        let mut bytes_of = tasks.iter().take(MOST_TRIED).filter_map(|&task| {
            let prepared = prepare(self, task).ok()?;
            let attack = prepared.plan(self, plans).ok()?;
            Some(bytes(attack.program()))
        });
        bytes_of.next().unwrap_or(0)
    }
}

/// What workers say.
enum Message {
    Ended(Ended),
    Broken(Error),
}

fn send(sender: &Sender<Message>, ended: Ended) -> Result<()> {
    // Whoever listened has an error of its own and has asked to stop.
    let _ = sender.send(Message::Ended(ended));
    Ok(())
}

/// Hands on what ends until all workers are gone.
fn collect(receiver: &Receiver<Message>, stop: &AtomicBool, sink: &mut dyn Sink) -> Result<ControlFlow<()>> {
    let mut failed: Option<Error> = None;
    let mut asked = ControlFlow::Continue(());
    loop {
        let message = match receiver.recv_timeout(TICK) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let result = match message {
            // After a failure nothing more is written.
            Some(Message::Ended((record, trace))) if failed.is_none() => sink.ended(record, trace),
            Some(Message::Broken(error)) => Err(error),
            _ => Ok(()),
        };
        if let Err(error) = result {
            failed.get_or_insert(error);
        }
        if asked.is_continue() {
            asked = sink.tick();
        }
        if failed.is_some() || asked.is_break() {
            stop.store(true, Ordering::Relaxed);
        }
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(asked),
    }
}

/// The same on this thread.
fn run_here(mut worker: Worker<'_>, stop: &AtomicBool, sink: &mut dyn Sink) -> Result<ControlFlow<()>> {
    let sink = std::cell::RefCell::new(sink);
    let asked = std::cell::Cell::new(ControlFlow::Continue(()));
    worker.work(&|(record, trace)| {
        let mut sink = sink.borrow_mut();
        sink.ended(record, trace)?;
        if sink.tick().is_break() {
            asked.set(ControlFlow::Break(()));
            stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    })?;
    Ok(asked.get())
}
