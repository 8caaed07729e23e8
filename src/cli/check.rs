//! `asma check`: a network against its makers' numbers.

use std::path::PathBuf;

use asma::checkpoint::Checkpoint;
use asma::reference::Reference;
use asma::{Error, Result};
use clap::Args;
use serde_json::json;

use super::console::print;
use super::network::{DeviceArguments, ReadingArguments, load_model};

/// Compare a network with reference numbers: what it gives for an input, and the gradient of the input
///
/// The reference is a safetensors file with the tensors x (an input, [samples, channels, rows, columns], as the network
/// itself takes it), y (what the network gives for it), and, if the gradient is to be compared too, w (of the shape of y)
/// and dx (the gradient of sum(y·w) for x).
#[derive(Debug, Args)]
pub struct Arguments {
    /// The network
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The numbers to compare with, a safetensors file
    #[arg(long, value_name = "FILE")]
    reference: PathBuf,
    /// How far a number may be off, as a share of the largest of its tensor
    #[arg(long, value_name = "SHARE", default_value_t = 1e-4)]
    tolerance: f64,
    #[command(flatten)]
    reading: ReadingArguments,
    #[command(flatten)]
    device: DeviceArguments,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    if !(arguments.tolerance > 0.0 && arguments.tolerance.is_finite()) {
        return Err(Error::Usage(format!(
            "--tolerance {}: want a finite number above 0",
            arguments.tolerance
        )));
    }
    let model = load_model(&arguments.model, &arguments.reading.options())?;
    let reference = Reference::new(&model, &Checkpoint::open(&arguments.reference)?)?;
    drop(model);
    let gpu = arguments.device.open()?;
    let mut executor = arguments.device.executor(gpu, reference.program())?;
    let comparisons = reference.compare(executor.as_mut())?;
    if arguments.json {
        let json = json!({
            "model": arguments.model.display().to_string(),
            "reference": arguments.reference.display().to_string(),
            "device": executor.describe(),
            "tolerance": arguments.tolerance,
            "comparisons": comparisons,
        });
        print(format_args!("{json:#}"))?;
    } else {
        for comparison in &comparisons {
            print(format_args!(
                "{:<3} {:?}: off by at most {:.3e}, which is {:.3e} of the largest value, {:.3e}",
                comparison.tensor,
                comparison.shape,
                comparison.difference,
                comparison.relative,
                comparison.largest
            ))?;
        }
    }
    let beyond: Vec<String> = comparisons
        .iter()
        .filter(|comparison| comparison.relative > arguments.tolerance)
        .map(|comparison| format!("{} is off by {:.3e}", comparison.tensor, comparison.relative))
        .collect();
    match beyond.is_empty() {
        true => Ok(()),
        false => Err(Error::Network(format!(
            "{}: {} of its largest value; {:e} is allowed (--tolerance)",
            arguments.model.display(),
            beyond.join(", "),
            arguments.tolerance
        ))),
    }
}
