//! What takes a while and is done on a thread of its own, so that the window goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use asma::attack::{AsmaConfig, Target};
use asma::data::{InputOptions, Preset};
use asma::gpu::{GpuDevice, GpuOptions};
use asma::job::Listener;
use asma::model::ModelOptions;
use asma::view::{Request, Session};
use asma::{Error, Result};

/// What is to be opened, as far as it is known.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub image: Option<PathBuf>,
    pub model: Option<PathBuf>,
    pub model_options: ModelOptions,
    pub input: InputOptions,
    pub preset: Option<Preset>,
    pub target: Option<Target>,
    pub config: AsmaConfig,
    pub options: GpuOptions,
}

impl Wanted {
    /// All of it, once image and network are known.
    pub fn request(&self) -> Option<Request> {
        Some(Request {
            image: self.image.clone()?,
            model: self.model.clone()?,
            model_options: self.model_options.clone(),
            input: self.input.clone(),
            preset: self.preset,
            target: self.target.clone(),
            config: self.config.clone(),
            options: self.options.clone(),
        })
    }

    /// Takes a file that was dropped: a network by its ending, else an image.
    pub fn take(&mut self, path: PathBuf) {
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        let is_model = matches!(
            ending.as_deref(),
            Some("onnx" | "safetensors" | "pt" | "pth" | "ckpt")
        );
        match is_model {
            true => self.model = Some(path),
            false => self.image = Some(path),
        }
    }
}

/// What came of it: the session, and what is to be said.
pub struct Done {
    pub session: Option<Box<Session>>,
    pub lines: Vec<String>,
    pub problem: Option<Error>,
}

/// Something under way.
pub struct Work {
    /// In a word or two.
    pub what: &'static str,
    done: mpsc::Receiver<Done>,
}

impl Work {
    fn begin(
        what: &'static str,
        wake: impl FnOnce() + Send + 'static,
        work: impl FnOnce() -> Done + Send + 'static,
    ) -> Work {
        let (sender, done) = mpsc::channel();
        thread::spawn(move || {
            // Whoever waits learns of a panic by the channel's end, and must be woken for that too.
            if let Ok(done) = catch_unwind(AssertUnwindSafe(work)) {
                // Nobody waits any more if the window was closed.
                let _ = sender.send(done);
            }
            drop(sender);
            wake();
        });
        Work { what, done }
    }

    /// Opens an image and a network.
    pub fn open(request: Request, gpu: GpuDevice, wake: impl FnOnce() + Send + 'static) -> Work {
        Work::begin("opening", wake, move || {
            let mut lines = Lines::default();
            let session = Session::open(request, &gpu, &mut lines);
            let (session, problem) = match session {
                Ok(session) => (Some(Box::new(session)), None),
                Err(error) => (None, Some(error)),
            };
            Done {
                session,
                lines: lines.0,
                problem,
            }
        })
    }

    /// Does something with a session, and hands it back.
    pub fn with(
        what: &'static str,
        mut session: Box<Session>,
        wake: impl FnOnce() + Send + 'static,
        work: impl FnOnce(&mut Session) -> Result<Vec<String>> + Send + 'static,
    ) -> Work {
        Work::begin(what, wake, move || {
            let (lines, problem) = match work(&mut session) {
                Ok(lines) => (lines, None),
                Err(error) => (Vec::new(), Some(error)),
            };
            Done {
                session: Some(session),
                lines,
                problem,
            }
        })
    }

    /// What came of it, if it is done.
    pub fn done(&self) -> Option<Done> {
        match self.done.try_recv() {
            Ok(done) => Some(done),
            Err(mpsc::TryRecvError::Empty) => None,
            Err(mpsc::TryRecvError::Disconnected) => Some(Done {
                session: None,
                lines: Vec::new(),
                problem: Some(Error::Device(format!(
                    "{} ended before it was done; open the files anew",
                    self.what
                ))),
            }),
        }
    }
}

/// What was accepted, and what is likely a mistake.
#[derive(Default)]
struct Lines(Vec<String>);

impl Listener for Lines {
    fn accepted(&mut self, line: &str) {
        self.0.push(line.into());
    }

    fn note(&mut self, line: &str) {
        self.0.push(format!("note: {line}"));
    }
}
