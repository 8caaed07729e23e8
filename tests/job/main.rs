//! The whole job of an attack: from files or from memory, at once or in stages, told to who listens, written to a folder.

mod batch;
#[path = "../networks/mod.rs"]
mod networks;
mod own_format;
mod refusals;
mod results;
#[cfg(feature = "dicom")]
#[path = "../scans/mod.rs"]
mod scans;
mod session;
mod stages;

use std::ops::ControlFlow;
use std::path::PathBuf;

use asma::attack::{AsmaConfig, Progress, Target};
use asma::data::{read_image, write_image, write_mask};
use asma::job::{Goal, ImageSource, Job, Listener, ModelSource, OnCpu, Performed, Silent};
use asma::labels::LabelMap;
use asma::model::{Model, ModelOptions, Padding, SimpleUnet};
use asma::{Shape, Tensor};
use tempfile::TempDir;

/// Neither side is a multiple of what the network halves.
const INPUT: Shape = Shape::new(1, 3, 21, 26);

/// A folder with a network, an image and a target, and the same in memory.
struct Case {
    folder: TempDir,
    weights: PathBuf,
    photograph: PathBuf,
    options: ModelOptions,
    model: Model,
    image: Tensor,
    target: LabelMap,
    config: AsmaConfig,
}

impl Case {
    fn new() -> Case {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let unet = SimpleUnet::doubling(3, 4, 2, 2, Padding::Same);
        let weights = networks::checkpoint_of(&unet, true);
        weights.save(path("weights.safetensors")).unwrap();
        write_image(path("image.png"), &networks::image(INPUT, 5)).unwrap();
        let target = networks::target(INPUT.h, INPUT.w, 1, 0);
        write_mask(path("target.png"), &target).unwrap();
        Case {
            options: ModelOptions::default(),
            model: Model::from_checkpoint(&weights).unwrap(),
            image: read_image(path("image.png")).unwrap(),
            target,
            config: AsmaConfig {
                iterations: 12,
                ..AsmaConfig::default()
            },
            weights: path("weights.safetensors"),
            photograph: path("image.png"),
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The job on the files of the folder.
    fn on_files<'a>(&'a self, target: &'a Target, and: impl FnOnce(&mut Job<'a>)) -> asma::Result<Performed> {
        let model = ModelSource::File {
            path: &self.weights,
            options: &self.options,
        };
        let image = ImageSource::File(&self.photograph);
        let mut job = Job {
            config: self.config.clone().into(),
            ..Job::new(model, image, Goal::Target(target))
        };
        and(&mut job);
        job.run(&mut OnCpu, &mut Silent)
    }

    fn target_file(&self) -> Target {
        Target::File(self.path("target.png"))
    }

    fn loaded(&self) -> ModelSource<'_> {
        ModelSource::Loaded {
            name: "network",
            model: &self.model,
        }
    }

    fn in_memory(&self) -> ImageSource<'_> {
        ImageSource::Memory {
            name: "photograph",
            image: &self.image,
        }
    }
}

/// Writes down all that it hears.
#[derive(Default)]
struct Heard {
    lines: Vec<String>,
    /// Asks to stop at the first progress.
    stops: bool,
}

impl Listener for Heard {
    fn accepted(&mut self, line: &str) {
        self.lines.push(line.into());
    }

    fn note(&mut self, line: &str) {
        self.lines.push(format!("note: {line}"));
    }

    fn begins(&mut self, iterations: u32) {
        self.lines.push(format!("begins: {iterations}"));
    }

    fn progress(&mut self, now: Progress<'_>) -> ControlFlow<()> {
        self.lines.push(format!("progress: {}", now.traces[0].len()));
        match self.stops {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn ended(&mut self) {
        self.lines.push("ended".into());
    }
}

/// Whether two jobs came to the same, whatever their inputs are called and however long they took.
#[track_caller]
fn assert_same(one: &Performed, other: &Performed) {
    let (a, b) = (&one.attacked, &other.attacked);
    assert_eq!(a.source, b.source);
    assert_eq!(a.target, b.target);
    assert_eq!(a.before, b.before);
    assert_eq!(a.outcome.trace, b.outcome.trace);
    assert_eq!(a.outcome.last, b.outcome.last);
    assert_eq!(a.judged.saved, b.judged.saved);
    assert_eq!(a.judged.written, b.judged.written);
    assert_eq!(a.judged.after, b.judged.after);
    assert_eq!(a.moments.len(), b.moments.len());
    assert_eq!(one.summary.results, other.summary.results);
    assert_eq!(one.summary.likeness, other.summary.likeness);
}
