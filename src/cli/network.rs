//! The weights and the device, as the options say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use asma::cpu::CpuExecutor;
use asma::gpu::{Capabilities, DeviceChoice, GpuDevice, GpuExecutor, GpuOptions, VariantChoice};
use asma::job::{Listener, ModelSource};
use asma::kernels::variant_names;
use asma::model::{ChannelOrder, Model, ModelOptions, Padding, Preprocessing, PreprocessingOptions};
use asma::network::Precision;
use asma::program::{Executor, Program};
use asma::{Error, Result};
use clap::{Args, ValueEnum};

use super::console::{Console, say};
use super::pipelines;
use super::tuning::variants_for;

/// Which network runs where.
#[derive(Debug, Args)]
pub struct NetworkArguments {
    /// The network: an ONNX file, weights of a known U-Net (safetensors, .pt, .pth), or what `asma convert` wrote
    #[arg(long, visible_alias = "model", value_name = "FILE")]
    pub weights: PathBuf,
    #[command(flatten)]
    pub reading: ReadingArguments,
    #[command(flatten)]
    pub device: DeviceArguments,
    #[command(flatten)]
    pub precision: PrecisionArguments,
}

/// What the network's file may not say.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Network")]
pub struct ReadingArguments {
    /// What 3×3 convolutions do at the border, for weights of a SimpleUnet that do not say it: `same` keeps sizes,
    /// `valid` predicts the centre alone
    #[arg(long, value_name = "PADDING")]
    pub padding: Option<Padding>,
    /// Of an ONNX file with several outputs, the one that is meant; else the first of the image's size
    #[arg(long, value_name = "NAME")]
    output: Option<String>,
    /// What pixels become before the network sees them: `imagenet` for its mean and deviation, `unit` for 0 to 1
    #[arg(long, value_name = "NAME", value_parser = Preprocessing::named)]
    normalise: Option<Preprocessing>,
    /// What is subtracted from pixels, after --scale: one number for each channel, or one for all
    #[arg(long, value_name = "M,…", value_delimiter = ',', allow_hyphen_values = true)]
    mean: Option<Vec<f32>>,
    /// What they are divided by then
    #[arg(long, value_name = "S,…", value_delimiter = ',')]
    std: Option<Vec<f32>>,
    /// What pixels from 0 to 1 are multiplied by first, such as 255
    #[arg(long, value_name = "FACTOR")]
    scale: Option<f32>,
    /// In which order the network wants colours: rgb or bgr
    #[arg(long, value_name = "ORDER")]
    channel_order: Option<ChannelOrder>,
    /// The values that black and white stand for, for networks on counts or other unbounded values
    #[arg(long, value_name = "LOW,HIGH", value_parser = bounds, allow_hyphen_values = true)]
    bounds: Option<[f32; 2]>,
    /// Give grey images to a network of three channels, the same three times
    #[arg(long)]
    grey: bool,
}

/// Two numbers, the lower first.
fn bounds(text: &str) -> std::result::Result<[f32; 2], String> {
    let numbers: Vec<f32> = text
        .split(',')
        .map(|part| part.trim().parse().map_err(|_| format!("`{part}` is no number")))
        .collect::<std::result::Result<_, _>>()?;
    match numbers[..] {
        [low, high] if low < high => Ok([low, high]),
        _ => Err("want two numbers, the lower first, such as 0,4095".into()),
    }
}

impl ReadingArguments {
    /// What they say, as the library takes it.
    pub fn options(&self) -> ModelOptions {
        ModelOptions {
            padding: self.padding,
            output: self.output.clone(),
            preprocessing: PreprocessingOptions {
                named: self.normalise.clone(),
                bounds: self.bounds,
                scale: self.scale,
                mean: self.mean.clone(),
                std: self.std.clone(),
                channel_order: self.channel_order,
                grey: self.grey,
            },
        }
    }
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
    /// Reads the weights and recognises the network; says on stderr what was read.
    pub fn load(&self) -> Result<Model> {
        load_model(&self.weights, &self.reading.options())
    }
}

impl DeviceArguments {
    /// What --device says.
    #[cfg(feature = "viewer")]
    pub fn choice(&self) -> &DeviceChoice {
        &self.device
    }

    /// The device; `None` is the CPU executor.
    pub fn open(&self) -> Result<Option<GpuDevice>> {
        match GpuDevice::open(&self.device, Capabilities::Full) {
            Err(error) if self.device == DeviceChoice::Auto => {
                say(format_args!("note: the GPU cannot be used: {error}"));
                Ok(None)
            }
            opened => Ok(opened?.map(pipelines::with_kept)),
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
        match self.strict_executor(gpu.clone(), program) {
            Err(error) if gpu.is_some() && self.device == DeviceChoice::Auto => {
                say(format_args!("note: the GPU cannot be used: {error}"));
                self.strict_executor(None, program)
            }
            opened => opened,
        }
    }

    /// The same, for who has another way out than the CPU where the GPU does not take it.
    pub fn strict_executor(
        &self,
        gpu: Option<GpuDevice>,
        program: &Arc<Program>,
    ) -> Result<Box<dyn Executor>> {
        let Some(gpu) = gpu else {
            return Ok(Box::new(CpuExecutor::new(program.clone())?));
        };
        let options = self.options(&gpu);
        let executor = GpuExecutor::new(gpu, program, &options)?;
        pipelines::keep(executor.gpu());
        self.check_variant(&executor, program)?;
        Ok(Box::new(executor))
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

/// Reads a network from any file; says on stderr what was read.
pub fn load_model(path: &Path, options: &ModelOptions) -> Result<Model> {
    let model = ModelSource::File { path, options }.open(&mut Console)?;
    Ok(model.into_owned())
}

/// Says on stderr what was accepted, and what is likely a mistake.
pub fn echo(description: &[String], notes: &[String]) {
    description.iter().for_each(|line| Console.accepted(line));
    notes.iter().for_each(|note| Console.note(note));
}
