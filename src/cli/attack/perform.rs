//! One attack from files to files, whatever command asked for it.

use std::ops::ControlFlow;
use std::sync::Arc;

use asma::Result;
use asma::attack::budget::Loss;
use asma::attack::{AttackConfig, Progress, Snapshots};
use asma::gpu::GpuDevice;
use asma::job::{
    Device, Goal, ImageSource, Job, Listener, MaskSource, ModelSource, Performed, write_results,
};
use asma::network::Precision;
use asma::program::{Executor, Program};

use crate::cli::console::Console;
use crate::cli::network::NetworkArguments;
use crate::cli::outputs::OutputFolder;
use crate::cli::preparation::PreparationArguments;
use crate::cli::progress::AttackProgress;

/// What is asked for, by whatever command.
pub struct Request<'a> {
    pub image: ImageSource<'a>,
    pub goal: Goal<'a>,
    pub network: &'a NetworkArguments,
    pub preparation: &'a PreparationArguments,
    /// A mask of the pixels that may change.
    pub region: Option<MaskSource<'a>>,
    pub config: AttackConfig,
    /// Losses of which the worst is kept, if there are several.
    pub losses: &'a [Loss],
    /// The folder for the results.
    pub out: &'a OutputFolder,
    /// Whether to write an animation too.
    pub gif: bool,
}

/// Attacks and writes all results; says on stderr where it runs and how far it is.
pub fn perform(request: Request<'_>) -> Result<Performed> {
    let network = request.network;
    let job = Job {
        model: ModelSource::File {
            path: &network.weights,
            options: &network.reading.options(),
        },
        image: request.image,
        goal: request.goal,
        region: request.region,
        input: request.preparation.input(),
        preset: request.preparation.preset,
        config: request.config,
        losses: request.losses,
        snapshots: match request.gif {
            true => Snapshots::WithImages,
            false => Snapshots::Predictions,
        },
    };
    request.out.refuse_for_one_image(job.files())?;
    let mut device = Late {
        network,
        gpu: None,
        said: false,
    };
    let performed = job.run(&mut device, &mut Shown::default())?;
    request.out.clear_for_one_image()?;
    write_results(request.out.path(), &performed)?;
    Ok(performed)
}

/// The device of the options, opened once network and image have been read.
struct Late<'a> {
    network: &'a NetworkArguments,
    gpu: Option<GpuDevice>,
    /// Whether it was said which one it is: an attack may need several executors.
    said: bool,
}

impl Device for Late<'_> {
    fn precision(&mut self, _: Precision) -> Result<Precision> {
        self.gpu = self.network.device.open()?;
        Ok(self.network.precision.choose(self.gpu.as_ref()))
    }

    fn executor(&mut self, program: &Arc<Program>) -> Result<Box<dyn Executor>> {
        let gpu = self.gpu.clone();
        match std::mem::replace(&mut self.said, true) {
            true => self.network.device.quiet_executor(gpu, program),
            false => self.network.device.executor(gpu, program),
        }
    }
}

/// Says on stderr what is found, and shows how far the attack is.
#[derive(Default)]
struct Shown {
    progress: Option<AttackProgress>,
}

impl Listener for Shown {
    fn accepted(&mut self, line: &str) {
        Console.accepted(line);
    }

    fn note(&mut self, line: &str) {
        Console.note(line);
    }

    fn begins(&mut self, iterations: u32) {
        match &mut self.progress {
            Some(progress) => progress.begin_again(iterations),
            None => self.progress = Some(AttackProgress::new(iterations)),
        }
    }

    fn progress(&mut self, now: Progress<'_>) -> ControlFlow<()> {
        match &mut self.progress {
            Some(progress) => progress.show(&now.traces[0]),
            None => ControlFlow::Continue(()),
        }
    }

    fn ended(&mut self) {
        if let Some(progress) = &self.progress {
            progress.finish();
        }
    }
}
