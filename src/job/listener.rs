//! Who is told what a job finds, while it runs.

use std::ops::ControlFlow;

use crate::attack::Progress;

/// Is told what a job finds at the moment that it is known. What it does with that is its own affair; all of it can be
/// left out.
pub trait Listener {
    /// What was accepted, in one line.
    fn accepted(&mut self, _line: &str) {}

    /// What is likely a mistake or had to be assumed, in one line.
    fn note(&mut self, _line: &str) {}

    /// Of a [`Batch`](super::Batch): which of its images are attacked next, in the order of their traces.
    fn attacks(&mut self, _images: &[usize]) {}

    /// The attack begins, and will have at most so many iterations.
    fn begins(&mut self, _iterations: u32) {}

    /// How far the attack is, after every batch of iterations; `Break` ends it, what is done by
    /// then is kept, and nothing more is told.
    fn progress(&mut self, _now: Progress<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// The iterations are over, or failed. What they left is judged next.
    fn ended(&mut self) {}
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Listener for Silent {}

/// Says what was accepted and, behind it, what is likely a mistake.
pub(super) fn tell(listener: &mut dyn Listener, accepted: &[String], notes: &[String]) {
    accepted.iter().for_each(|line| listener.accepted(line));
    notes.iter().for_each(|line| listener.note(line));
}

/// Keeps the lines that it hands on.
pub(super) struct Recorder<'a> {
    listener: &'a mut dyn Listener,
    accepted: Vec<String>,
    notes: Vec<String>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(listener: &'a mut dyn Listener) -> Self {
        Recorder {
            listener,
            accepted: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What was accepted, and the notes.
    pub(super) fn into_lines(self) -> (Vec<String>, Vec<String>) {
        (self.accepted, self.notes)
    }
}

impl Listener for Recorder<'_> {
    fn accepted(&mut self, line: &str) {
        self.accepted.push(line.into());
        self.listener.accepted(line);
    }

    fn note(&mut self, line: &str) {
        self.notes.push(line.into());
        self.listener.note(line);
    }

    fn attacks(&mut self, images: &[usize]) {
        self.listener.attacks(images);
    }

    fn begins(&mut self, iterations: u32) {
        self.listener.begins(iterations);
    }

    fn progress(&mut self, now: Progress<'_>) -> ControlFlow<()> {
        self.listener.progress(now)
    }

    fn ended(&mut self) {
        self.listener.ended();
    }
}
