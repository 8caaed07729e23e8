//! The weights and the device, as the options say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use asma::checkpoint::Checkpoint;
use asma::cpu::CpuExecutor;
use asma::data::{Preparation, read_image};
use asma::gpu::{Capabilities, DeviceChoice, GpuDevice, GpuExecutor, GpuOptions, VariantChoice};
use asma::graph::Model;
use asma::kernels::variant_names;
use asma::network::Precision;
use asma::program::{Executor, Program};
use asma::{Error, Result, Shape, Tensor};
use clap::{Args, ValueEnum};

use super::console::say;
use super::tuning::variants_for;

/// Which network runs where.
#[derive(Debug, Args)]
pub struct NetworkArguments {
    /// The network's weights, a safetensors file
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    #[command(flatten)]
    pub device: DeviceArguments,
    #[command(flatten)]
    pub precision: PrecisionArguments,
}

/// How the network's values are stored.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct PrecisionArguments {
    /// How values between the network's input and output are stored; sums are float32
    #[arg(long, value_name = "PRECISION", default_value = "f32")]
    precision: PrecisionChoice,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum PrecisionChoice {
    /// float32
    #[default]
    F32,
    /// float16, half the memory and traffic: on a GPU that has it, or imitated on the CPU
    F16,
    /// float16 on a hardware GPU that has it, float32 elsewhere
    Auto,
}

impl PrecisionArguments {
    /// The precision on `gpu`, or on the CPU.
    pub fn choose(self, gpu: Option<&GpuDevice>) -> Precision {
        match self.precision {
            PrecisionChoice::F32 => Precision::F32,
            PrecisionChoice::F16 => Precision::F16,
            PrecisionChoice::Auto => match gpu {
                Some(gpu) if gpu.is_hardware() && gpu.has_float16() => Precision::F16,
                _ => Precision::F32,
            },
        }
    }
}

/// Where to run.
#[derive(Clone, Debug, Args)]
pub struct DeviceArguments {
    /// Where to run: auto, gpu, cpu, an adapter's number or part of its name (see `asma devices`)
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,
    /// On a GPU, run this variant of every kernel that has it (see `asma shaders`), to compare them
    #[arg(long, value_name = "NAME", hide_short_help = true, value_parser = variant_name)]
    variant: Option<String>,
}

impl NetworkArguments {
    /// Reads the weights and recognises the network.
    pub fn load(&self) -> Result<Model> {
        Model::from_checkpoint(&Checkpoint::open(&self.weights)?)
    }
}

impl DeviceArguments {
    /// The device; `None` is the CPU executor.
    pub fn open(&self) -> Result<Option<GpuDevice>> {
        match GpuDevice::open(&self.device, Capabilities::Full) {
            Err(error) if self.device == DeviceChoice::Auto => {
                say(format_args!("note: the GPU cannot be used: {error}"));
                Ok(None)
            }
            opened => opened,
        }
    }

    /// Refuses a variant that was named and runs no call: else another one's numbers would be taken for its.
    fn check_variant(&self, executor: &GpuExecutor, program: &Program) -> Result<()> {
        let mut calls = 0..program.calls().len();
        match &self.variant {
            Some(name) if !calls.any(|call| executor.variant(call) == name) => Err(Error::Usage(format!(
                "variant `{name}` can run no call of this network on {}; `asma devices` tells what a device has \
                 (subgroups, matrix units), and `matrix` wants --precision f16",
                executor.describe()
            ))),
            _ => Ok(()),
        }
    }

    /// How to run on `gpu`.
    pub fn options(&self, gpu: &GpuDevice) -> GpuOptions {
        GpuOptions {
            variants: match &self.variant {
                Some(name) => VariantChoice::Named(name.clone()),
                None => variants_for(gpu),
            },
            ..Default::default()
        }
    }

    /// An executor for `program` on `gpu`, or on the CPU. Says in one line which was taken.
    pub fn executor(&self, gpu: Option<GpuDevice>, program: &Arc<Program>) -> Result<Box<dyn Executor>> {
        let why = match (&self.device, &gpu) {
            (DeviceChoice::Auto, None) => "; no hardware GPU was found that can be used",
            _ => "",
        };
        let executor = self.quiet_executor(gpu, program)?;
        say(format_args!("device: {}{why}", executor.describe()));
        Ok(executor)
    }

    /// The same, for who says by other means which was taken.
    pub fn quiet_executor(
        &self,
        gpu: Option<GpuDevice>,
        program: &Arc<Program>,
    ) -> Result<Box<dyn Executor>> {
        if let Some(gpu) = gpu {
            let options = self.options(&gpu);
            match GpuExecutor::new(gpu, program, &options) {
                Ok(executor) => {
                    self.check_variant(&executor, program)?;
                    return Ok(Box::new(executor));
                }
                Err(error) if self.device == DeviceChoice::Auto => {
                    say(format_args!("note: the GPU cannot be used: {error}"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Box::new(CpuExecutor::new(program.clone())?))
    }
}

/// The name of a variant that some kernel has.
fn variant_name(text: &str) -> std::result::Result<String, String> {
    let names = BTreeSet::from_iter(variant_names());
    match names.contains(text) {
        true => Ok(text.into()),
        false => Err(format!(
            "no kernel has a variant of that name; there are: {}",
            names.into_iter().collect::<Vec<_>>().join(", ")
        )),
    }
}

/// Reads an image and prepares it for `model`.
pub fn read_input(path: &Path, preparation: &Preparation, model: &Model) -> Result<Tensor> {
    let image = with_channels(path, read_image(path)?, model.graph.input_channels())?;
    let image = preparation
        .apply_image(&image)
        .map_err(|error| named(path, error))?;
    // Whether the network takes this size is asked here, where the file can be named.
    check_size(model, image.shape()).map_err(|error| named(path, error))?;
    Ok(image)
}

/// The image with as many channels as the network takes: its three, or one if all are the same.
fn with_channels(path: &Path, image: Tensor, wanted: usize) -> Result<Tensor> {
    let (shape, refused) = (image.shape(), |problem: &str| {
        Err(Error::Usage(format!(
            "{}: the network takes {wanted} channels, and {problem}",
            path.display()
        )))
    });
    match wanted {
        3 => Ok(image),
        1 if image.plane(0, 0) == image.plane(0, 1) && image.plane(0, 0) == image.plane(0, 2) => {
            Tensor::new(Shape { c: 1, ..shape }, image.plane(0, 0).to_vec())
        }
        1 => refused("the image is in colour; give a greyscale image"),
        _ => refused("image files have 1 or 3; use the library for others"),
    }
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
