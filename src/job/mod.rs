//! The whole job of an attack on one image: read, prepare, aim, attack, judge. The command line stands on it, and so may
//! an evaluation over a data set, a viewer or a binding.
//!
//! [`Job`] describes what is attacked and [`Job::run`] does all of it; [`write_results`] writes what came of it into a
//! folder. Nothing here prints: what was accepted and what is likely a mistake goes to a [`Listener`] at the moment that
//! it is known, and stands in the result too.
//!
//! ```no_run
//! use std::path::Path;
//! use asma::job::{Goal, ImageSource, Job, ModelSource, OnCpu, Silent, write_results};
//! # fn main() -> asma::Result<()> {
//! let target = "scale:1.5".parse()?;
//! let model = ModelSource::File { path: Path::new("unet.safetensors"), options: &Default::default() };
//! let job = Job::new(model, ImageSource::File(Path::new("photo.png")), Goal::Target(&target));
//! let performed = job.run(&mut OnCpu, &mut Silent)?;
//! write_results("out", &performed)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Its stages
//!
//! Who attacks many images loads the model once, and plans once for each size, as the executor that holds the planned
//! program can be used again:
//!
//! 1. [`ModelSource::open`] reads the network;
//! 2. [`ImageSource::read`] reads an image and prepares it for the network;
//! 3. [`Attack::new`](crate::attack::Attack::new) plans the attack on the network fitted to the image's size, for which an executor is made;
//! 4. [`MaskSource::read_region`] reads the pixels that may change, [`Goal::read`] what the network shall predict;
//! 5. [`Subject::attack`] finds the target, attacks, and judges what the attack left: an [`Attacked`]; who attacks a batch takes
//!    [`Subject::aim`] and [`Aimed::judge`] of each sample before and behind it;
//! 6. [`Attacked::summary`] says everything there is to say about it.
//!
//! # What is in memory
//!
//! Who holds images as tensors has a [`Session`], a network on a device, for predictions and gradients, and a [`Batch`] for
//! attacks on many of them at once; images that stand elsewhere are [`Samples`]. The bindings for Python and C stand on these two.

mod attacked;
mod batch;
mod device;
mod goal;
mod judged;
mod listener;
mod own_format;
mod pictures;
mod results;
mod samples;
mod session;
mod sources;
mod summary;
mod worst;

use std::path::Path;

pub use self::attacked::{Aimed, Attacked, Subject};
pub use self::batch::Batch;
pub use self::device::{Device, NamedDevice, OnCpu};
pub use self::goal::{Aim, Goal};
pub use self::judged::{Judged, Saved};
pub use self::listener::{Listener, Silent};
pub use self::own_format::OwnFormat;
pub use self::results::{FILES, figure, write_results};
pub use self::samples::Samples;
pub use self::session::Session;
pub use self::sources::{ImageSource, MaskSource, ModelSource};
pub use self::summary::{Names, remarks};
pub(crate) use self::worst::with_class_weights;

use self::listener::Recorder;
use self::own_format::in_own_format;
use self::worst::Idle;
use crate::attack::budget::Loss;
use crate::attack::{AsmaConfig, Attack, AttackConfig, Outcome, Purpose, Snapshots};
use crate::data::{InputOptions, Preset};
use crate::error::{Error, Result};
use crate::program::{Executor, wait};
use crate::report::Summary;

/// What is attacked, and how.
#[derive(Clone, Debug)]
pub struct Job<'a> {
    /// The network.
    pub model: ModelSource<'a>,
    /// The image.
    pub image: ImageSource<'a>,
    /// What the network shall predict.
    pub goal: Goal<'a>,
    /// The pixels that may change; all of them if `None`.
    pub region: Option<MaskSource<'a>>,
    /// How files become what the network is given.
    pub input: InputOptions,
    /// The preset that `input` has its steps from, for the summary.
    pub preset: Option<Preset>,
    /// The attack's settings.
    pub config: AttackConfig,
    /// Losses that are each attacked with, of which what is worst for the network is kept; if there are none, that of the
    /// settings.
    pub losses: &'a [Loss],
    /// What is kept along the way: predictions for the figure, images for an animation.
    pub snapshots: Snapshots,
}

/// What came of a job.
#[derive(Clone, Debug)]
pub struct Performed {
    /// What was attacked and what the attack left.
    pub attacked: Attacked,
    /// Everything there is to say about it.
    pub summary: Summary,
    /// The saved image in the format of the file that the image was read from, if that keeps more than 8 bits do.
    pub own_format: Option<OwnFormat>,
    /// What was accepted, in one line each.
    pub accepted: Vec<String>,
    /// What is likely a mistake, in one line each.
    pub notes: Vec<String>,
}

/// Checks that an attack is after what it is asked for.
fn check_purpose(config: &AttackConfig, goal: Goal<'_>) -> Result<()> {
    match (config.purpose(), goal.purpose()) {
        (wanted, found) if wanted == found => Ok(()),
        (Purpose::Targeted, _) => Err(Error::Usage(format!(
            "the attack `{}` leads towards a target; name one",
            config.name()
        ))),
        (Purpose::Untargeted, _) => Err(Error::Usage(format!(
            "an untargeted attack has no target, and `{}` is one; leave one of them out",
            goal.name()
        ))),
    }
}

impl<'a> Job<'a> {
    /// The attack with its default settings on an image as it is, all pixels of which may change.
    pub fn new(model: ModelSource<'a>, image: ImageSource<'a>, goal: Goal<'a>) -> Job<'a> {
        Job {
            model,
            image,
            goal,
            region: None,
            input: InputOptions::default(),
            preset: None,
            config: AsmaConfig::default().into(),
            losses: &[],
            snapshots: Snapshots::Predictions,
        }
    }

    /// The files that it reads. Who writes results must not write over them.
    pub fn files(&self) -> impl Iterator<Item = &'a Path> {
        let region = self.region.and_then(|region| region.file());
        [self.image.file(), self.model.file(), region, self.goal.file()]
            .into_iter()
            .flatten()
    }

    /// Does all of it.
    ///
    /// # Errors
    /// If something cannot be read or does not fit the network, the settings cannot be, the network predicts the target
    /// already, or the device fails.
    pub fn run(&self, device: &mut dyn Device, listener: &mut dyn Listener) -> Result<Performed> {
        wait(self.run_async(device, listener))
    }

    /// The async form of [`Job::run`], for where nothing may block.
    ///
    /// # Errors
    /// As [`Job::run`].
    pub async fn run_async(&self, device: &mut dyn Device, listener: &mut dyn Listener) -> Result<Performed> {
        let mut listener = Recorder::new(listener);
        let model = self.model.open(&mut listener)?;
        let input = self.image.read(&self.input, &model.graph, &mut listener)?;
        let config = self.config.clone();
        let precision = device.precision(config.precision())?;
        let config = config.with_precision(precision);
        check_purpose(&config, self.goal)?;
        // One channel stands for two classes.
        config.check_without_weights(input.network.output.c.max(2))?;
        config
            .notes(input.network.output.c)
            .iter()
            .for_each(|note| listener.note(note));
        let region = match self.region {
            Some(region) => Some(region.read_region(&self.input, &input, &mut listener)?),
            None => None,
        };
        let aim = self.goal.read(&self.input, &model.graph, &input, &mut listener)?;
        let names = Names {
            image: self.image.name(),
            target: self.goal.name(),
            weights: self.model.name(),
            network: model.name.clone(),
            preset: self.preset,
            // With what fitted the image to the network.
            preparation: input.preparation,
            region: self.region.map(|region| region.name()),
            original: input.original,
        };
        let subject = Subject {
            source: input.image,
            aim,
            region,
            snapshots: self.snapshots,
        };
        let graph = input.network.graph;
        drop(model);
        let (attacked, summary, own_format) = worst::attack(
            self.losses,
            config,
            graph,
            subject,
            device,
            &mut listener,
            names,
            Idle::Refused,
        )
        .await?;
        let (accepted, notes) = listener.into_lines();
        Ok(Performed {
            attacked,
            summary,
            own_format,
            accepted,
            notes,
        })
    }
}

impl Aimed {
    /// Judges what an attack that took so long left, and gathers all that there is to say of it, as [`Job::run`] does: for who
    /// steps an attack along by other means. Overwrites the adversarial image.
    ///
    /// # Errors
    /// If sizes differ, or the device fails.
    pub async fn performed_async(
        self,
        attack: &Attack,
        executor: &mut dyn Executor,
        outcome: Outcome,
        seconds: f64,
        names: Names,
        listener: &mut dyn Listener,
    ) -> Result<Performed> {
        let mut listener = Recorder::new(listener);
        let original = names.original.clone();
        let attacked = self.judge_async(attack, executor, outcome, seconds).await?;
        let mut summary = attacked.summary(attack, executor, names);
        let own_format = in_own_format(original.as_ref(), &attacked, attack, executor, &mut listener).await?;
        summary.own_format = own_format.as_ref().map(|own| own.judged.clone());
        let (accepted, notes) = listener.into_lines();
        Ok(Performed {
            attacked,
            summary,
            own_format,
            accepted,
            notes,
        })
    }
}
