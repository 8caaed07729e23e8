//! `asma attack`: one image, one target, one network.

mod asma_settings;
mod perform;
mod printing;
mod settings;

use std::path::PathBuf;

use asma::Result;
use asma::attack::{Target, table};
use asma::job::{Goal, ImageSource, MaskSource};
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

pub use self::perform::{Request, perform};
use self::printing::print_summary;
pub use self::printing::{print_json, warn};
pub use self::settings::{Settings, known};
use super::network::NetworkArguments;
use super::outputs::OutputFolder;
use super::preparation::PreparationArguments;

/// Change an image, as little as it takes, until the network segments it as the target says
#[derive(Debug, Args)]
pub struct Arguments {
    /// The image to attack; here and for masks a file, or a tensor in one: FILE.safetensors:NAME, or NAME[I] for sample I
    /// of a batch
    #[arg(long, value_name = "FILE")]
    image: PathBuf,
    /// What the network should predict: a mask file (0/255 or class indices), shift:DX,DY, scale:S,
    /// rotate:DEGREES (its own prediction, moved), hide:A->B (class A becomes B), class:C (everywhere), or
    /// of:IMAGE (its prediction for another image)
    #[arg(
        long,
        value_name = "TARGET", value_parser = OsStringValueParser::new().try_map(Target::try_from),
        allow_hyphen_values = true,
        required_unless_present = "untargeted"
    )]
    target: Option<Target>,
    /// What the network should no longer predict, with --untargeted: a mask file; without it what it predicts now
    #[arg(long, value_name = "FILE", requires = "untargeted", conflicts_with = "target")]
    label: Option<PathBuf>,
    #[command(flatten)]
    network: NetworkArguments,
    /// The folder that results are written to
    #[arg(long, value_name = "DIR", default_value = "asma-out")]
    out: PathBuf,
    /// Only pixels that are white in this mask, prepared as the image, may change
    #[arg(long, value_name = "FILE")]
    region: Option<PathBuf>,
    /// Write an animation of the attack too
    #[arg(long)]
    gif: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    preparation: PreparationArguments,
    /// Which attack: asma, or one of those that the field judges networks by
    #[arg(long, value_name = "NAME", default_value = "asma", value_parser = known, help_heading = "Attack")]
    attack: &'static table::Entry,
    #[command(flatten)]
    settings: Settings,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let settings = arguments.settings.told();
    settings.refuse_idle(&[arguments.attack])?;
    let (config, losses) = settings.config(arguments.attack)?;
    let goal = match &arguments.target {
        Some(target) => Goal::Target(target),
        None => Goal::Untargeted(arguments.label.as_deref().map(MaskSource::File)),
    };
    let out = OutputFolder::open(&arguments.out)?;
    let performed = perform(Request {
        image: ImageSource::File(&arguments.image),
        goal,
        network: &arguments.network,
        preparation: &arguments.preparation,
        region: arguments.region.as_deref().map(MaskSource::File),
        config,
        losses,
        out: &out,
        gif: arguments.gif,
    })?;
    if arguments.json {
        print_json(&performed.summary)?;
    } else {
        print_summary(&performed.summary, &arguments.out);
    }
    warn(&performed.summary);
    Ok(())
}
