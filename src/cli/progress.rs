//! Progress: a bar on a terminal, plain lines elsewhere. And the wish to stop.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use asma::{EpochRow, TraceRow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::console::say;

/// Time between plain lines.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Signals within this time of the first are the same wish to stop.
const ONE_WISH: Duration = Duration::from_millis(500);

/// Whether Ctrl-C was pressed, from when this was made.
struct Interruption(Arc<AtomicBool>);

impl Interruption {
    fn new() -> Self {
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = interrupted.clone();
        let mut first = None;
        let handler = ctrlc::set_handler(move || {
            flag.store(true, Ordering::Relaxed);
            // Who asks twice does not want to wait for files to be written. A terminal that is closed asks several times
            // at once.
            if first.get_or_insert_with(Instant::now).elapsed() > ONE_WISH {
                std::process::exit(130);
            }
        });
        if let Err(error) = handler {
            log::warn!("Ctrl-C cannot be caught: {error}");
        }
        Interruption(interrupted)
    }

    fn wish(&self) -> ControlFlow<()> {
        match self.0.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// A bar on stderr if that is a terminal.
fn bar_on_terminal(length: u64, template: &str) -> Option<ProgressBar> {
    std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    })
}

/// Shows how far an attack or a training is, and stops it after Ctrl-C.
struct LongProgress {
    bar: Option<ProgressBar>,
    last_line: Option<Instant>,
    interruption: Interruption,
}

impl LongProgress {
    fn new(length: u64, template: &str) -> Self {
        LongProgress {
            bar: bar_on_terminal(length, template),
            last_line: None,
            interruption: Interruption::new(),
        }
    }

    /// Shows `message`, elsewhere than on a terminal behind `place` and only now and then.
    fn show(&mut self, done: u64, place: impl FnOnce() -> String, message: String) -> ControlFlow<()> {
        match &self.bar {
            Some(bar) => {
                bar.set_position(done);
                bar.set_message(message);
            }
            None if self.last_line.is_none_or(|last| last.elapsed() >= BETWEEN_LINES) => {
                say(format_args!("{}: {message}", place()));
                self.last_line = Some(Instant::now());
            }
            None => {}
        }
        self.interruption.wish()
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The bar of an attack.
const ATTACKING: &str = "attacking {bar:32} {pos}/{len} [{elapsed}, {per_sec}, {eta} left] {msg}";

/// Shows how far an attack is, and stops it after Ctrl-C.
pub struct AttackProgress {
    progress: LongProgress,
    iterations: u32,
}

impl AttackProgress {
    pub fn new(iterations: u32) -> Self {
        AttackProgress {
            progress: LongProgress::new(iterations.into(), ATTACKING),
            iterations,
        }
    }

    /// Another attack of the same job. Ctrl-C is caught once in a process, and means all of them.
    pub fn begin_again(&mut self, iterations: u32) {
        self.progress.bar = bar_on_terminal(iterations.into(), ATTACKING);
        self.progress.last_line = None;
        self.iterations = iterations;
    }

    /// Shows the latest row; `Break` once Ctrl-C was pressed.
    pub fn show(&mut self, trace: &[TraceRow]) -> ControlFlow<()> {
        let Some(row) = trace.last() else {
            return self.progress.interruption.wish();
        };
        let message = format!(
            "IoU {:.4}, accuracy {:.4}, L2 {:.3}, L∞ {:.4}",
            row.iou, row.pixel_accuracy, row.l2, row.linf
        );
        let place = || format!("iteration {}/{}", trace.len(), self.iterations);
        self.progress.show(trace.len() as u64, place, message)
    }

    pub fn finish(&self) {
        self.progress.finish();
    }
}

/// Shows how far a training is, and stops it after Ctrl-C.
pub struct TrainingProgress {
    progress: LongProgress,
    last_iou: Option<f64>,
}

impl TrainingProgress {
    pub fn new() -> Self {
        let template = "training {bar:32} {pos}/{len} [{elapsed}, {per_sec}, {eta} left] {msg}";
        TrainingProgress {
            progress: LongProgress::new(0, template),
            last_iou: None,
        }
    }

    /// Shows a step; `Break` once Ctrl-C was pressed.
    pub fn show(&mut self, epoch: u32, done: u32, steps: u32, loss: f64) -> ControlFlow<()> {
        if let Some(bar) = &self.progress.bar
            && bar.length() == Some(0)
        {
            bar.set_length(steps.into());
        }
        let iou = match self.last_iou {
            Some(iou) => format!(", validation IoU {iou:.4}"),
            None => String::new(),
        };
        let message = format!("epoch {epoch}, loss {loss:.4}{iou}");
        self.progress
            .show(done.into(), || format!("step {done}/{steps}"), message)
    }

    /// Shows an epoch that is done.
    pub fn epoch(&mut self, row: &EpochRow, epochs: u32, best: bool) {
        self.last_iou = Some(row.validation_iou);
        let line = format!(
            "epoch {:>3}/{epochs}: loss {:.4}, validation loss {:.4}, IoU {:.4}{}",
            row.epoch,
            row.training_loss,
            row.validation_loss,
            row.validation_iou,
            if best { ", best so far" } else { "" }
        );
        match &self.progress.bar {
            Some(bar) => bar.println(line),
            None => say(line),
        }
    }

    pub fn finish(&self) {
        self.progress.finish();
    }
}

/// Shows how many attacks of an evaluation have ended, and stops it after Ctrl-C.
pub struct EvaluationProgress {
    count: CountProgress,
    interruption: Interruption,
}

impl EvaluationProgress {
    pub fn new(count: usize) -> Self {
        EvaluationProgress {
            count: CountProgress::new("attacking", count),
            interruption: Interruption::new(),
        }
    }

    /// One more has ended.
    pub fn step(&self) {
        self.count.step();
    }

    /// `Break` once Ctrl-C was pressed.
    pub fn wish(&self) -> ControlFlow<()> {
        self.interruption.wish()
    }

    pub fn finish(&self) {
        self.count.finish();
    }
}

/// Shows how many of a known number of things are done. Threads share it.
pub struct CountProgress {
    bar: Option<ProgressBar>,
    what: &'static str,
    count: usize,
    done: AtomicUsize,
    last_line: Mutex<Instant>,
}

impl CountProgress {
    pub fn new(what: &'static str, count: usize) -> Self {
        let bar = bar_on_terminal(
            count as u64,
            "{msg} {bar:32} {pos}/{len} [{elapsed}, {per_sec}, {eta} left]",
        )
        .inspect(|bar| bar.set_message(what));
        CountProgress {
            bar,
            what,
            count,
            done: AtomicUsize::new(0),
            last_line: Mutex::new(Instant::now()),
        }
    }

    /// One more is done.
    pub fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(bar) = &self.bar {
            bar.set_position(done as u64);
        } else if let Ok(mut last) = self.last_line.try_lock()
            && last.elapsed() >= BETWEEN_LINES
        {
            say(format_args!("{}: {done}/{}", self.what, self.count));
            *last = Instant::now();
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
