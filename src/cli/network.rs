//! The weights and the device, as the options say.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use asma::checkpoint::Checkpoint;
use asma::cpu::CpuExecutor;
use asma::data::{Preparation, read_image};
use asma::gpu::{Capabilities, DeviceChoice, GpuDevice, GpuExecutor, GpuOptions};
use asma::graph::Model;
use asma::program::{Executor, Program};
use asma::{Error, Result, Shape, Tensor};
use clap::Args;

/// Which network runs where.
#[derive(Debug, Args)]
pub struct NetworkArguments {
    /// The network's weights, a safetensors file
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    /// Where to run: auto, gpu, cpu, an adapter's number or part of its name (see `asma devices`)
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceChoice,
}

impl NetworkArguments {
    /// Reads the weights and recognises the network.
    pub fn load(&self) -> Result<Model> {
        Model::from_checkpoint(&Checkpoint::open(&self.weights)?)
    }

    /// The device; `None` is the CPU executor.
    pub fn open_device(&self) -> Result<Option<GpuDevice>> {
        GpuDevice::open(&self.device, Capabilities::Full)
    }

    /// An executor for `program` on `gpu`, or on the CPU. Says in one line which was taken.
    pub fn executor(&self, gpu: Option<GpuDevice>, program: &Arc<Program>) -> Result<Box<dyn Executor>> {
        let mut why = match self.device {
            DeviceChoice::Auto => "; no hardware GPU was found",
            _ => "",
        };
        if let Some(gpu) = gpu {
            match GpuExecutor::new(gpu, program, &GpuOptions::default()) {
                Ok(executor) => {
                    eprintln!("device: {}", executor.describe());
                    return Ok(Box::new(executor));
                }
                Err(error @ Error::Limit { .. }) if self.device == DeviceChoice::Auto => {
                    eprintln!("device: the GPU is too small ({error})");
                    why = "";
                }
                Err(error) => return Err(error),
            }
        }
        let executor = CpuExecutor::new(program.clone())?;
        eprintln!("device: {}{why}", executor.describe());
        Ok(Box::new(executor))
    }
}

/// Reads an image and prepares it for `model`.
pub fn read_input(path: &Path, preparation: &Preparation, model: &Model) -> Result<Tensor> {
    let image = preparation
        .apply_image(&read_image(path)?)
        .map_err(|error| named(path, error))?;
    // Whether the network takes this size is asked here, where the file can be named.
    check_size(model, image.shape()).map_err(|error| named(path, error))?;
    Ok(image)
}

fn check_size(model: &Model, shape: Shape) -> Result<()> {
    model.graph.output_shape(shape).map(|_| ()).map_err(|error| {
        let nearest: Vec<_> = model
            .graph
            .nearest_sizes(shape)
            .iter()
            .map(|(h, w)| format!("{w}x{h}"))
            .collect();
        match nearest.is_empty() {
            true => error,
            false => Error::Usage(format!(
                "{error}; the nearest sizes (WIDTHxHEIGHT) it takes: {}; use --resize, --crop or --pad",
                nearest.join(", ")
            )),
        }
    })
}

/// Puts the file's name in front of an error that does not have it.
pub fn named(path: &Path, error: Error) -> Error {
    match error {
        Error::Usage(problem) => Error::Usage(format!("{}: {problem}", path.display())),
        Error::Network(problem) => Error::Network(format!("{}: {problem}", path.display())),
        other => other,
    }
}
