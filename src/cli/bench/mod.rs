//! `asma bench`: what this device can do, and how much of that each kernel does.

mod compare;
mod measure;
mod record;
mod step;

use std::path::{Path, PathBuf};
use std::time::Instant;

use asma::data::Resize;
use asma::files::write_atomically;
use asma::model::{ModelOptions, Padding, SimpleUnet};
use asma::train::initial_graph;
use asma::{Error, Result};
use clap::Args;

use self::compare::print_comparison;
use self::measure::{Subject, measure, tune_kernels};
use self::record::{print_record, read_record};
use super::console::{print, say};
use super::network::{DeviceArguments, PrecisionArguments, load_model};
use super::outputs::OutputFolder;

/// Measure this device: its ceilings, each kernel of an attack against them, and whole iterations
///
/// Without --weights the authors' network is measured, with random weights: times do not depend on them.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The network, of any format that is read
    #[arg(long, visible_alias = "model", value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Without --weights: channels of the first level
    #[arg(long, value_name = "N", default_value_t = 32, conflicts_with = "weights", value_parser = clap::value_parser!(u16).range(1..=1024))]
    base: u16,
    /// Without --weights: levels
    #[arg(long, value_name = "N", default_value_t = 5, conflicts_with = "weights", value_parser = clap::value_parser!(u16).range(1..=10))]
    depth: u16,
    /// What 3×3 convolutions do at the border, `valid` (the default) or `same`; with --weights, for files that do not
    /// say it
    #[arg(long, value_name = "PADDING")]
    padding: Option<Padding>,
    /// The input's size
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "572x572")]
    size: Resize,
    /// Images in a batch
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    /// On a GPU: rows and columns of the image that the ASMA step alone is measured on, fused and as one launch per
    /// operator
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u16).range(16..=8192))]
    step_size: u16,
    /// Rounds, of which the median counts, after one that does not
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    #[command(flatten)]
    device: DeviceArguments,
    #[command(flatten)]
    precision: PrecisionArguments,
    /// Measure first which variant of each kernel is the fastest for this network and size, and keep that for this
    /// device and driver: all commands then use it
    #[arg(long, conflicts_with = "variant")]
    tune: bool,
    /// Keep the numbers for --compare: as this file, or in this folder as DATE-DEVICE.json
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Measure nothing: compare two files that --save wrote
    #[arg(long, value_names = ["BEFORE", "AFTER"], num_args = 2, conflicts_with_all = ["weights", "save", "json", "tune"])]
    compare: Option<Vec<PathBuf>>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let start = Instant::now();
    if let Some([before, after]) = arguments.compare.as_deref() {
        return print_comparison(&read_record(before)?, &read_record(after)?);
    }
    let (network, graph) = match &arguments.weights {
        Some(path) => {
            let options = ModelOptions {
                padding: arguments.padding,
                ..Default::default()
            };
            let model = load_model(path, &options)?;
            (model.name, model.graph)
        }
        None => {
            let (base, depth) = (arguments.base.into(), arguments.depth.into());
            let unet = SimpleUnet::doubling(3, base, depth, 2, arguments.padding.unwrap_or_default());
            (unet.to_string(), initial_graph(&unet.blank()?, 0)?)
        }
    };
    let subject = Subject {
        network,
        graph,
        height: arguments.size.height,
        width: arguments.size.width,
        batch: arguments.batch.into(),
        step_size: arguments.step_size.into(),
        rounds: arguments.rounds.into(),
        precision: arguments.precision,
    };
    let mut start = start;
    // Held before anything is measured: what cannot be kept is not worth the time.
    let folder = match &arguments.save {
        Some(path) if path.is_dir() => Some(OutputFolder::open_named(path, "--save")?),
        Some(path) => Some(OutputFolder::open_named(parent(path), "--save")?),
        None => None,
    };
    if arguments.tune {
        let (kinds, path) = tune_kernels(&subject, &arguments.device)?;
        say(format_args!(
            "tuned {kinds} kinds of work; kept in {}",
            path.display()
        ));
        // The cold start that is reported is the attack's own.
        start = Instant::now();
    }
    let record = measure(&subject, &arguments.device, start)?;
    let json = serde_json::to_string_pretty(&record)
        .map_err(|error| Error::Usage(format!("the numbers cannot be written as JSON: {error}")))?;
    if let Some(path) = &arguments.save {
        let path = match path.is_dir() {
            true => &path.join(record.file_name()),
            false => path,
        };
        write_atomically(path, |file| std::io::Write::write_all(file, json.as_bytes()))?;
    }
    drop(folder);
    if arguments.json {
        print(&json)
    } else {
        print_record(&record)
    }
}

/// The folder that a file lies in.
fn parent(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
