//! `asma train`: a network on images and masks, or on synthetic ones.

mod data;
mod results;
mod settings;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use asma::checkpoint::Checkpoint;
use asma::data::fit;
use asma::graph::Graph;
use asma::model::{Model, ModelOptions, Padding, SimpleUnet};
use asma::train::{Event, Trainer, TrainingPlan, TrainingState, initial_graph, mean_graph};
use asma::{Error, Result, Shape};
use clap::Args;

use self::data::DataArguments;
use self::results::{
    DERIVED_FILES, STATE_FILE, WEIGHTS_FILE, print_summary, write_derived, write_epoch, write_summary,
};
use self::settings::Settings;
use super::console::say;
use super::network::{DeviceArguments, load_model};
use super::outputs::OutputFolder;
use super::progress::TrainingProgress;

/// Train a U-Net on your images and masks, or on synthetic ones
///
/// DIR gets the weights of the best epoch (weights.safetensors), everything that --resume needs
/// (training.safetensors), a loss curve and a table of the epochs, all of it anew after each epoch.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    network: NetworkArguments,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    device: DeviceArguments,
    /// The folder that results are written to
    #[arg(long, value_name = "DIR", default_value = "asma-train")]
    out: PathBuf,
    /// Go on with the run whose state is in --out, given the same other options
    #[arg(long)]
    resume: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
struct NetworkArguments {
    /// Channels of the first level; each further level has twice as many
    #[arg(long, value_name = "N", default_value_t = 8)]
    base: usize,
    /// Levels, from the full resolution down
    #[arg(long, value_name = "N", default_value_t = 5)]
    depth: usize,
    /// What 3×3 convolutions do at the border: `same` (the default) keeps sizes, `valid` predicts the centre alone;
    /// with --initial, for weights that do not say it
    #[arg(long, value_name = "PADDING")]
    padding: Option<Padding>,
    /// Classes, the background among them
    #[arg(long, value_name = "N", default_value_t = 2)]
    classes: usize,
    /// Begin with the weights of this file, whose network it is then; given several times, with their mean
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base", "depth", "classes"])]
    initial: Vec<PathBuf>,
}

impl NetworkArguments {
    /// The network with the weights to begin with.
    fn build(&self, seed: u64) -> Result<Model> {
        let initial: Vec<_> = self
            .initial
            .iter()
            .map(|path| {
                let options = ModelOptions {
                    padding: self.padding,
                    ..Default::default()
                };
                load_model(path, &options)
            })
            .collect::<Result<_>>()?;
        if let [first, rest @ ..] = &initial[..] {
            if let Some(position) = rest.iter().position(|other| other.name != first.name) {
                return Err(Error::file(
                    &self.initial[position + 1],
                    format!(
                        "is a {}, and the first is a {}; only weights of one network have a mean",
                        rest[position].name, first.name
                    ),
                ));
            }
            let graphs: Vec<_> = initial.iter().map(|model| model.graph.clone()).collect();
            let graph = mean_graph(&graphs)?;
            return first.with_weights(graph);
        }
        for (name, value, most) in [
            ("--base", self.base, 1024),
            ("--depth", self.depth, 10),
            ("--classes", self.classes, 255),
        ] {
            let least = if name == "--classes" { 2 } else { 1 };
            if !(least..=most).contains(&value) {
                return Err(Error::Usage(format!("{name} {value}: want {least} to {most}")));
            }
        }
        let padding = self.padding.unwrap_or(Padding::Same);
        let unet = SimpleUnet::doubling(3, self.base, self.depth, self.classes, padding);
        unet.model(initial_graph(&unet.blank()?, seed)?)
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let start = Instant::now();
    let config = arguments.settings.config()?;
    let model = arguments.network.build(config.seed)?;
    let classes = model.classes();
    let graph = &model.graph;
    config.check(classes)?;
    arguments.data.check(classes)?;
    let out = OutputFolder::open(&arguments.out)?;
    let state = match arguments.resume {
        true => Some(read_state(&out, graph)?),
        false => {
            refuse_used_folder(&out)?;
            None
        }
    };
    // What cannot be is refused before hours of reading.
    let gpu = arguments.device.open()?;
    if let Some(side) = arguments.data.synthetic_side() {
        let input = Shape::new(config.batch, 3, side, side);
        TrainingPlan::new(&fit(graph, input)?.graph, input, config.clone())?;
    }
    let (training, validation) = arguments.data.read(classes, config.seed)?;
    let input = Shape {
        n: config.batch,
        ..training.shape()
    };
    // At a size that is no multiple of what the network halves, it gets a border and its output is cut back.
    let fitted = fit(graph, input)?;
    let plan = TrainingPlan::new(&fitted.graph, input, config)?;
    let mut executor = arguments.device.executor(gpu, plan.program())?;
    say(format_args!(
        "network: {}, {} parameters; {} samples of {}×{} pixels to train on, {} to validate on",
        model.name,
        plan.parameter_count(),
        training.len(),
        input.w,
        input.h,
        validation.len()
    ));
    let mut trainer = Trainer::new(&plan, executor.as_mut(), &training, &validation, state)?;
    let mut progress = TrainingProgress::new();
    let train = || -> Result<TrainingState> {
        // What stands there is of an earlier run, or of this one before it was broken off.
        out.clear(&DERIVED_FILES)?;
        let begun = trainer.state()?;
        if begun.epoch() > 0 {
            write_derived(&out, &model, &begun)?;
        }
        drop(begun);
        let state = trainer.run(&mut |event| match event {
            Event::Step {
                epoch,
                done,
                steps,
                loss,
            } => Ok(progress.show(epoch, done, steps, loss)),
            Event::Epoch { row, best, state } => {
                progress.epoch(&row, plan.config().epochs, best);
                write_epoch(&out, &model, state)?;
                Ok(ControlFlow::Continue(()))
            }
        })?;
        if state.epoch() < plan.config().epochs {
            state
                .to_checkpoint(graph, model.metadata()?)?
                .save(out.join(STATE_FILE))?;
        }
        Ok(state)
    };
    let state = train();
    progress.finish();
    let state = state.map_err(|error| with_what_is_left(error, &out))?;
    if state.epoch() < plan.config().epochs {
        say(format_args!(
            "stopped in epoch {}; the same command with --resume goes on",
            state.epoch() + 1
        ));
    }
    let device = executor.describe();
    let summary = write_summary(
        &out,
        &model,
        &state,
        [training.len(), validation.len()],
        device,
        start,
    )?;
    print_summary(&summary, out.path(), arguments.json)
}

/// The state of the run to go on with.
fn read_state(out: &OutputFolder, graph: &Graph) -> Result<TrainingState> {
    let file = out.join(STATE_FILE);
    if !file.exists() {
        return Err(Error::file(
            &file,
            "is not there, so no run has come far enough to go on with; begin one by the same command without --resume",
        ));
    }
    TrainingState::from_checkpoint(&Checkpoint::open(&file)?, graph)
}

/// A run does not write over another one, nor over weights of which it does not know.
fn refuse_used_folder(out: &OutputFolder) -> Result<()> {
    let (state, weights) = (out.join(STATE_FILE), out.join(WEIGHTS_FILE));
    if state.exists() {
        return Err(Error::Usage(format!(
            "{}: this would be written over; go on with the run that left it by --resume, or name another folder \
             with --out",
            state.display()
        )));
    }
    if weights.exists() {
        return Err(Error::Usage(format!(
            "{}: this would be written over, and there is no {STATE_FILE} beside it to go on with; move it away, or \
             name another folder with --out",
            weights.display()
        )));
    }
    Ok(())
}

/// A run that failed says what is left of it.
fn with_what_is_left(error: Error, out: &OutputFolder) -> Error {
    let (state, weights) = (out.join(STATE_FILE), out.join(WEIGHTS_FILE));
    match error {
        Error::NotFinite(problem) if weights.exists() => Error::NotFinite(format!(
            "{problem}; the weights of the best epoch before that are in {}",
            weights.display()
        )),
        Error::File { path, problem } => {
            let rest = match state.exists() {
                true => "once that is mended, the same command with --resume goes on",
                false => "no epoch was kept; once that is mended, begin again by the same command",
            };
            Error::File {
                path,
                problem: format!("{problem}; {rest}"),
            }
        }
        other => other,
    }
}
