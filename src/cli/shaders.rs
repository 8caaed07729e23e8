//! `asma shaders`: the kernels in other languages, to read or to feed to other tools.

use std::io::Write;
use std::path::PathBuf;

use asma::files::write_atomically;
use asma::gpu::{
    Capabilities, DeviceChoice, GpuDevice, Language, VariantChoice, choose_way, possible_ways,
    runtime_checks, translate,
};
use asma::kernels::{
    Binding, Element, Kernel, Kind, MatrixUnits, Specialisation, Vendor, Way, samples_of_all,
};
use asma::{Error, Result};
use clap::{Args, ValueEnum};

use super::console::{print, tell};
use super::outputs::OutputFolder;

/// List the compute shaders, or write them as SPIR-V, MSL, HLSL or WGSL
///
/// SPIR-V is word for word what runs on a Vulkan device. With --device it is what that device can run: every text of
/// each variant, as calls and the device's vendor want it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Write every shader in this language, each specialised for a typical call
    #[arg(long, value_name = "LANGUAGE")]
    emit: Option<Emit>,
    /// The folder that they are written to
    #[arg(long, value_name = "DIR", default_value = "asma-shaders")]
    out: PathBuf,
    /// How values between the network's input and output are stored
    #[arg(long, value_name = "PRECISION", default_value = "f32")]
    precision: Precision,
    /// Keep run-time checks of bounds, loops and divisions in the shaders; asma runs them without
    #[arg(long)]
    checked: bool,
    /// Every text that this GPU can run: gpu, an adapter's number or part of its name
    #[arg(long, value_name = "DEVICE")]
    device: Option<DeviceChoice>,
    /// With --device, only those that it runs where nothing was tuned and no --variant is named
    #[arg(long, requires = "device")]
    chosen: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Precision {
    /// float32
    F32,
    /// float16 wherever a kernel takes it
    F16,
}

impl Arguments {
    /// The GPU that --device names.
    fn open_device(&self) -> Result<Option<GpuDevice>> {
        let Some(choice) = &self.device else {
            return Ok(None);
        };
        match GpuDevice::open(choice, Capabilities::Full)? {
            Some(gpu) if self.precision == Precision::F16 && !gpu.has_float16() => {
                Err(Error::Usage(format!(
                    "{} computes no float16, so that it runs none of these shaders; leave --precision out",
                    gpu.describe()
                )))
            }
            Some(gpu) => Ok(Some(gpu)),
            None => Err(Error::Usage(format!(
                "--device {choice} is no GPU, and the CPU runs no shaders; want gpu, a number or part of a name"
            ))),
        }
    }

    /// What the shaders of `kernel` are specialised for.
    fn specialisation(&self, kernel: &Kernel, gpu: Option<&GpuDevice>) -> Specialisation {
        let element = |binding: &Binding| match self.precision {
            Precision::F16 if binding.kind == Kind::Real => Element::Half,
            _ => Element::Word,
        };
        Specialisation {
            elements: kernel.bindings().map(element).collect(),
            vendor: gpu.map_or(Vendor::Other, GpuDevice::vendor),
            matrix_units: match (gpu, self.emit) {
                // Other languages than Vulkan's know none.
                (_, Some(Emit::Msl | Emit::Hlsl)) => None,
                (Some(gpu), _) => gpu.matrix_units(),
                // Those that most GPUs with matrix units have.
                (None, _) => Some(MatrixUnits {
                    tile: 16,
                    subgroup: 32,
                }),
            },
        }
    }
}

/// A text, and what it is called: kernel, entry point and variant.
struct Text {
    name: String,
    kernel: &'static Kernel,
    specialisation: Specialisation,
    way: Way,
    /// Whether the device runs it for one of the sample calls unless told otherwise.
    chosen: bool,
}

/// Of each variant the first text; or every text that `gpu` can run, with the constants in its name that tell it from the
/// variant's others.
fn texts(arguments: &Arguments, gpu: Option<&GpuDevice>) -> Vec<Text> {
    let mut all: Vec<Text> = Vec::new();
    for params in samples_of_all() {
        let kernel = params.kernel();
        let specialisation = arguments.specialisation(kernel, gpu);
        let (ways, chosen) = match gpu {
            Some(gpu) => (
                possible_ways(&params, &specialisation, gpu),
                choose_way(&params, &specialisation, &VariantChoice::Auto, gpu),
            ),
            None => (params.ways(&specialisation), None),
        };
        for way in ways {
            let name = format!("{}.{}.{}", kernel.name, kernel.entry_point, way.name);
            let chosen = chosen.as_ref().is_some_and(|chosen| chosen.name == way.name);
            let known = |other: &&mut Text| {
                other.name == name && (gpu.is_none() || other.way.constants == way.constants)
            };
            match all.iter_mut().find(known) {
                Some(known) => known.chosen |= chosen,
                None => all.push(Text {
                    name,
                    kernel,
                    specialisation: specialisation.clone(),
                    way,
                    chosen,
                }),
            }
        }
    }
    let endings: Vec<String> = all.iter().map(|text| telling_constants(text, &all)).collect();
    for (text, ending) in all.iter_mut().zip(endings) {
        text.name.push_str(&ending);
    }
    all.retain(|text| text.chosen || !arguments.chosen);
    all
}

/// The constants of a text that others of the same name have otherwise.
fn telling_constants(text: &Text, all: &[Text]) -> String {
    let same_name = || all.iter().filter(|other| other.name == text.name);
    let constants = text.way.constants.iter();
    let telling =
        constants.filter(|constant| same_name().any(|other| !other.way.constants.contains(constant)));
    telling.map(|(name, value)| format!(".{name}={value}")).collect()
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Emit {
    Wgsl,
    Spirv,
    Msl,
    Hlsl,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let out = match arguments.emit {
        Some(_) => Some(OutputFolder::open(&arguments.out)?),
        None => None,
    };
    let gpu = arguments.open_device()?;
    for text in texts(arguments, gpu.as_ref()) {
        let Text {
            name,
            kernel,
            specialisation,
            way,
            ..
        } = text;
        let (Some(out), Some(emit)) = (&out, arguments.emit) else {
            print(format_args!(
                "{} ({}): reads {}; writes {}",
                kernel.entry_point,
                way.name,
                names(kernel.reads),
                names(kernel.writes)
            ))?;
            continue;
        };
        let source = way.source(&specialisation);
        let language = match emit {
            Emit::Wgsl => None,
            Emit::Spirv => Some(Language::Spirv),
            Emit::Msl => Some(Language::Msl),
            Emit::Hlsl => Some(Language::Hlsl),
        };
        let extension = language.map_or("wgsl", Language::extension);
        let text = match language {
            None => source.into_bytes(),
            Some(language) => {
                let checks = runtime_checks(&way, arguments.checked);
                translate(&source, kernel.entry_point, language, checks)
                    .map_err(|error| Error::Network(format!("{}: {error}", kernel.entry_point)))?
            }
        };
        let path = out.join(&format!("{name}.{extension}"));
        write_atomically(&path, |file| file.write_all(&text))?;
        tell(path.display());
    }
    Ok(())
}

fn names(bindings: &[Binding]) -> String {
    let names: Vec<_> = bindings.iter().map(|binding| binding.name).collect();
    names.join(", ")
}
