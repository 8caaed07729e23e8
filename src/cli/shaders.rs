//! `asma shaders`: the kernels in other languages, to read or to feed to other tools.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use asma::files::write_atomically;
use asma::gpu::{Language, translate};
use asma::kernels::{Binding, Element, Kernel, Kind, MatrixUnits, Specialisation, samples_of_all};
use asma::{Error, Result};
use clap::{Args, ValueEnum};

use super::console::{print, tell};
use super::outputs::OutputFolder;

/// List the compute shaders, or write them as SPIR-V, MSL, HLSL or WGSL
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
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Precision {
    /// float32
    F32,
    /// float16 wherever a kernel takes it
    F16,
}

impl Arguments {
    /// What the shaders of `kernel` are specialised for.
    fn specialisation(&self, kernel: &Kernel) -> Specialisation {
        let element = |binding: &Binding| match self.precision {
            Precision::F16 if binding.kind == Kind::Real => Element::Half,
            _ => Element::Word,
        };
        Specialisation {
            elements: kernel.bindings().map(element).collect(),
            // Those that most GPUs with matrix units have; other languages than Vulkan's know none.
            matrix_units: match self.emit {
                Some(Emit::Msl | Emit::Hlsl) => None,
                _ => Some(MatrixUnits {
                    tile: 16,
                    subgroup: 32,
                }),
            },
        }
    }
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
    let mut seen = BTreeSet::new();
    for params in samples_of_all() {
        let kernel = params.kernel();
        let specialisation = arguments.specialisation(kernel);
        for way in params.ways(&specialisation) {
            let name = format!("{}.{}.{}", kernel.name, kernel.entry_point, way.name);
            if !seen.insert(name.clone()) {
                continue;
            }
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
            let (text, extension) = match emit {
                Emit::Wgsl => (source.into_bytes(), "wgsl"),
                Emit::Spirv => emitted(&source, kernel.entry_point, Language::Spirv)?,
                Emit::Msl => emitted(&source, kernel.entry_point, Language::Msl)?,
                Emit::Hlsl => emitted(&source, kernel.entry_point, Language::Hlsl)?,
            };
            let path = out.join(&format!("{name}.{extension}"));
            write_atomically(&path, |file| file.write_all(&text))?;
            tell(path.display());
        }
    }
    Ok(())
}

fn names(bindings: &[Binding]) -> String {
    let names: Vec<_> = bindings.iter().map(|binding| binding.name).collect();
    names.join(", ")
}

fn emitted(source: &str, entry_point: &str, language: Language) -> Result<(Vec<u8>, &'static str)> {
    let text = translate(source, entry_point, language)
        .map_err(|error| Error::Network(format!("{entry_point}: {error}")))?;
    Ok((text, language.extension()))
}
