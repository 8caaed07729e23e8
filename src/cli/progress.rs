//! Progress: a bar on a terminal, plain lines elsewhere. And the wish to stop.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use asma::TraceRow;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Time between plain lines.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Shows how far an attack is, and stops it after Ctrl-C.
pub struct AttackProgress {
    bar: Option<ProgressBar>,
    last_line: Option<Instant>,
    interrupted: Arc<AtomicBool>,
    iterations: u64,
}

impl AttackProgress {
    pub fn new(iterations: u32) -> Self {
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = interrupted.clone();
        let handler = ctrlc::set_handler(move || {
            // Who asks twice does not want to wait for files to be written.
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        });
        if let Err(error) = handler {
            log::warn!("Ctrl-C cannot be caught: {error}");
        }
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(iterations as u64), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(
                "attacking {bar:32} {pos}/{len} [{elapsed}, {per_sec}, {eta} left] {msg}",
            );
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        AttackProgress {
            bar,
            last_line: None,
            interrupted,
            iterations: iterations as u64,
        }
    }

    /// Shows the latest row; `Break` once Ctrl-C was pressed.
    pub fn show(&mut self, trace: &[TraceRow]) -> ControlFlow<()> {
        if let Some(row) = trace.last() {
            let message = format!(
                "IoU {:.4}, accuracy {:.4}, L2 {:.3}, L∞ {:.4}",
                row.iou, row.pixel_accuracy, row.l2, row.linf
            );
            match &self.bar {
                Some(bar) => {
                    bar.set_position(trace.len() as u64);
                    bar.set_message(message);
                }
                None if self.last_line.is_none_or(|last| last.elapsed() >= BETWEEN_LINES) => {
                    eprintln!("iteration {}/{}: {message}", trace.len(), self.iterations);
                    self.last_line = Some(Instant::now());
                }
                None => {}
            }
        }
        if self.interrupted.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
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
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::stderr());
            let template = "{msg} {bar:32} {pos}/{len} [{elapsed}, {per_sec}, {eta} left]";
            let style = ProgressStyle::with_template(template);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(what);
            bar
        });
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
            eprintln!("{}: {done}/{}", self.what, self.count);
            *last = Instant::now();
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
