//! Pairs that are attacked in one batch, each with its own steps and its own end: where one has ended the next takes its place.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::plans::Key;
use super::tasks::{Prepared, Send, Tasks};
use crate::attack::{Attack, Outcome, Progress, Sample, Step, StopReason, Supply};
use crate::error::{Error, Result};
use crate::job::{Aimed, Attacked};
use crate::program::{Executor, wait};

/// Gives a batch its pairs, and judges and records what becomes of each.
pub(super) struct Batch<'b, 'a> {
    tasks: &'b mut Tasks<'a>,
    /// What the attack on each alone is planned for.
    key: Key,
    /// Samples of the batch.
    places: usize,
    /// The attack on one alone, which finds targets and steps and judges, and its executor.
    single: (&'b Attack, &'b mut dyn Executor),
    send: Send<'b>,
    /// Pairs that were begun.
    begun: usize,
    /// Those under way, by the numbers that the run has for them.
    under_way: BTreeMap<usize, (Prepared, Aimed)>,
    /// Those that the device failed at, at another moment than in the run.
    failed: Vec<Prepared>,
}

impl<'b, 'a> Batch<'b, 'a> {
    pub fn new(
        tasks: &'b mut Tasks<'a>,
        key: Key,
        places: usize,
        single: (&'b Attack, &'b mut dyn Executor),
        send: Send<'b>,
    ) -> Self {
        Batch {
            tasks,
            key,
            places,
            single,
            send,
            begun: 0,
            under_way: BTreeMap::new(),
            failed: Vec::new(),
        }
    }

    /// Those of which nothing came, as the device failed.
    pub fn into_lost(self) -> Vec<Prepared> {
        let under_way = self.under_way.into_values().map(|(pair, _)| pair);
        self.failed.into_iter().chain(under_way).collect()
    }

    /// Finds the target of a pair, and its step if it has one and there is something to attack.
    fn aim(&mut self, pair: &Prepared) -> Result<(Aimed, Option<Step>)> {
        let (attack, executor) = &mut self.single;
        let aimed = pair.subject.clone().aim(attack, *executor)?;
        let step = match aimed.why_idle {
            Some(_) => None,
            None => wait(attack.choose_steps(*executor, aimed.input()))?
                .first()
                .copied(),
        };
        Ok((aimed, step))
    }

    /// Records what became of a pair. One that the device failed at is not lost.
    fn end(&mut self, pair: Prepared, attacked: Result<Attacked>) -> Result<()> {
        let (attack, executor) = &self.single;
        let measured = attacked.and_then(|attacked| {
            let measured = self
                .tasks
                .measure(&pair, &attacked, attack, &executor.describe())?;
            Ok((attacked, measured))
        });
        match measured {
            Ok((attacked, measured)) => self.tasks.end(pair.task, &attacked, measured, self.send),
            Err(error @ (Error::Device(_) | Error::Limit { .. })) => {
                self.failed.push(pair);
                Err(error)
            }
            Err(error) => self.tasks.fail(pair.task, error, self.send),
        }
    }
}

impl Supply for Batch<'_, '_> {
    fn next(&mut self) -> Result<Option<Sample<'_>>> {
        while let Some(pair) = self.tasks.next(self.key, self.places, self.send)? {
            match self.aim(&pair) {
                Ok((aimed, step)) if aimed.why_idle.is_none() => {
                    let number = self.begun;
                    self.begun += 1;
                    let (_, aimed) = self.under_way.entry(number).or_insert((pair, aimed));
                    return Ok(aimed.input().sample(0, step));
                }
                Ok((aimed, _)) => {
                    let (attack, executor) = &mut self.single;
                    let attacked = aimed.unattacked(attack, *executor);
                    self.end(pair, attacked)?;
                }
                Err(error) => self.end(pair, Err(error))?,
            }
        }
        Ok(None)
    }

    fn ended(&mut self, number: usize, outcome: Result<Outcome>, seconds: f64) -> Result<()> {
        let Some((pair, aimed)) = self.under_way.remove(&number) else {
            return Ok(());
        };
        let attacked = match outcome {
            // What is under way when all are to stop is lost.
            Ok(outcome) if outcome.stop == StopReason::Interrupted => return Ok(()),
            Ok(outcome) => {
                let (attack, executor) = &mut self.single;
                aimed.judge(attack, *executor, outcome, seconds)
            }
            Err(error) => Err(error),
        };
        self.end(pair, attacked)
    }

    fn progress(&mut self, _: Progress<'_>) -> ControlFlow<()> {
        match self.tasks.is_stopped() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
