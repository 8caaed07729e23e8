//! `asma convert`: any network as one file.

use std::path::PathBuf;

use asma::{Error, Result};
use clap::Args;

use super::console::tell;
use super::network::{ReadingArguments, load_model};

/// Write a network as one safetensors file: weights, graph and preprocessing
///
/// Every command reads it, and so does a program that embeds the library, without an importer.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The network, of any format that is read
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The file to write
    #[arg(value_name = "OUT.safetensors")]
    written: PathBuf,
    #[command(flatten)]
    reading: ReadingArguments,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let same = |path: &PathBuf| path.canonicalize().ok();
    if same(&arguments.input).is_some() && same(&arguments.input) == same(&arguments.written) {
        return Err(Error::file(
            &arguments.written,
            "is the network itself, which would be written over; name another file",
        ));
    }
    let model = load_model(&arguments.input, &arguments.reading.options())?;
    model.to_checkpoint()?.save(&arguments.written)?;
    tell(format_args!(
        "{}: {} nodes, {} parameters, {}",
        arguments.written.display(),
        model.network.nodes().len(),
        model.network.parameter_count(),
        model.preprocessing
    ));
    Ok(())
}
