//! What a user brings: a network and what is known of it, read from whatever file it stands in.
//!
//! A format more is a function that reads it and a line in the list of loaders; a family more is its file and a line in the
//! list of families.

mod families;
mod inspection;
mod loading;
mod preprocessing;
mod stored;

use std::collections::BTreeMap;
#[cfg(feature = "files")]
use std::path::Path;

pub use families::simple_unet::{Padding, SimpleUnet};
pub use inspection::{Inspection, Layer};
pub use preprocessing::{ChannelOrder, Preprocessing};

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};

/// A network with its weights and what is known of it.
#[derive(Clone, Debug)]
pub struct Model {
    /// The network behind its preprocessing: it takes pixels in \[0, 1\] and gives logits.
    pub graph: Graph,
    /// The network alone, as it was trained.
    pub network: Graph,
    /// The node of [`Model::network`] that gives what the network gives where it was trained: the logits, or what a
    /// final softmax or sigmoid makes of them.
    pub published: NodeId,
    /// What it is, in a few words: the family with its widths, or the format.
    pub name: String,
    /// How it was read, in one line: the name, what was taken off, left out, folded.
    pub read_as: String,
    /// What pixels become before the network sees them.
    pub preprocessing: Preprocessing,
    /// What is likely a mistake or had to be assumed, in one line each.
    pub notes: Vec<String>,
    /// What says of weights which family they are of, if they are of one that can be told by it.
    family: BTreeMap<String, String>,
}

/// What the user says of a network that its file may not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelOptions {
    /// What 3×3 convolutions do at the border.
    pub padding: Option<Padding>,
    /// Which of several outputs.
    pub output: Option<String>,
    /// What pixels become before the network sees them.
    pub preprocessing: PreprocessingOptions,
}

/// An option by its name, and how it is set.
type NamedOption = (&'static str, fn(&mut ModelOptions, &str) -> Result<()>);

/// All options that [`ModelOptions::set`] takes.
const OPTIONS: &[NamedOption] = &[
    ("padding", |options, text| {
        options.padding = Some(text.parse()?);
        Ok(())
    }),
    ("output", |options, text| {
        options.output = Some(text.into());
        Ok(())
    }),
    ("normalise", |options, text| {
        options.preprocessing.named = Some(Preprocessing::named(text)?);
        Ok(())
    }),
    ("mean", |options, text| {
        options.preprocessing.mean = Some(numbers("mean", text, "numbers, such as 0.485,0.456,0.406")?);
        Ok(())
    }),
    ("std", |options, text| {
        options.preprocessing.std = Some(numbers("std", text, "numbers, such as 0.229,0.224,0.225")?);
        Ok(())
    }),
    ("scale", |options, text| {
        let wanted = "a number, such as 255";
        match numbers("scale", text, wanted)?[..] {
            [scale] => options.preprocessing.scale = Some(scale),
            _ => return Err(refused("scale", text, wanted)),
        }
        Ok(())
    }),
    ("channel-order", |options, text| {
        options.preprocessing.channel_order = Some(text.parse()?);
        Ok(())
    }),
    ("bounds", |options, text| {
        let wanted = "two numbers, the lower first, such as 0,4095";
        match numbers("bounds", text, wanted)?[..] {
            [low, high] if low < high => options.preprocessing.bounds = Some([low, high]),
            _ => return Err(refused("bounds", text, wanted)),
        }
        Ok(())
    }),
    ("grey", |options, text| {
        options.preprocessing.grey = match text {
            "on" => true,
            "off" => false,
            _ => return Err(refused("grey", text, "on or off")),
        };
        Ok(())
    }),
];

fn numbers(name: &str, text: &str, wanted: &str) -> Result<Vec<f32>> {
    let numbers = text.split(',').map(|number| number.trim().parse());
    let numbers: Result<Vec<f32>, _> = numbers.collect();
    numbers.map_err(|_| refused(name, text, wanted))
}

fn refused(name: &str, text: &str, wanted: &str) -> Error {
    Error::Usage(format!("{name} is `{text}`: want {wanted}"))
}

impl ModelOptions {
    /// Sets an option by its name, as the command line has it without the dashes before it: numbers, words, lists with commas,
    /// of `grey` `on` or `off`.
    ///
    /// # Errors
    /// If there is no such option, or it cannot be this.
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        match OPTIONS.iter().find(|option| option.0 == name) {
            Some((_, set)) => set(self, text),
            None => {
                let names: Vec<&str> = OPTIONS.iter().map(|option| option.0).collect();
                Err(Error::Usage(format!(
                    "there is no option `{name}` of a network; want one of: {}",
                    names.join(", ")
                )))
            }
        }
    }
}

/// What the user says of a network's preprocessing: each part stands in place of what the file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PreprocessingOptions {
    /// All of it.
    pub named: Option<Preprocessing>,
    /// [`Preprocessing::bounds`].
    pub bounds: Option<[f32; 2]>,
    /// [`Preprocessing::scale`].
    pub scale: Option<f32>,
    /// [`Preprocessing::mean`].
    pub mean: Option<Vec<f32>>,
    /// [`Preprocessing::std`].
    pub std: Option<Vec<f32>>,
    /// [`Preprocessing::channel_order`].
    pub channel_order: Option<ChannelOrder>,
    /// [`Preprocessing::grey`].
    pub grey: bool,
}

impl PreprocessingOptions {
    /// What holds where a file says `said`.
    fn over(&self, said: Preprocessing) -> Preprocessing {
        let said = self.named.clone().unwrap_or(said);
        Preprocessing {
            bounds: self.bounds.unwrap_or(said.bounds),
            scale: self.scale.unwrap_or(said.scale),
            mean: self.mean.clone().unwrap_or(said.mean),
            std: self.std.clone().unwrap_or(said.std),
            channel_order: self.channel_order.unwrap_or(said.channel_order),
            grey: self.grey || said.grey,
        }
    }
}

/// A network as a loader finds it.
pub(crate) struct Found {
    pub graph: Graph,
    pub published: NodeId,
    pub name: String,
    /// How it was read, behind the name.
    pub remarks: Vec<String>,
    pub notes: Vec<String>,
    pub preprocessing: Preprocessing,
    pub family: BTreeMap<String, String>,
}

impl Model {
    /// Reads a network from a file of any known format: which one it is, its content says.
    ///
    /// # Errors
    /// If the file cannot be read, is of no known format, or holds no network that is known.
    #[cfg(feature = "files")]
    pub fn open(path: impl AsRef<Path>, options: &ModelOptions) -> Result<Model> {
        Model::of(loading::open(path.as_ref(), options)?, options)
    }

    /// Reads the network in a checkpoint: its graph if it holds one, or else the family that its tensors' names say.
    ///
    /// # Errors
    /// If no known family has these tensors, or one is missing, surplus, misshapen or not finite.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Model> {
        Model::with_options(checkpoint, &ModelOptions::default())
    }

    /// Reads a network as [`Model::from_checkpoint`] does, with what `options` say where the file does not say it.
    ///
    /// # Errors
    /// Those of [`Model::from_checkpoint`], and if the file says otherwise.
    pub fn with_options(checkpoint: &Checkpoint, options: &ModelOptions) -> Result<Model> {
        Model::of(loading::of_checkpoint(checkpoint, options)?, options)
    }

    /// Reads a network from the bytes of an ONNX file that refers to no other file.
    ///
    /// # Errors
    /// If it is no sound ONNX file, or a node is not supported.
    #[cfg(feature = "importers")]
    pub fn from_onnx(description: &str, bytes: &[u8], options: &ModelOptions) -> Result<Model> {
        Model::of(loading::of_onnx(description, bytes, options)?, options)
    }

    pub(crate) fn of(found: Found, options: &ModelOptions) -> Result<Model> {
        let preprocessing = options.preprocessing.over(found.preprocessing);
        let graph = preprocessing.before(&found.graph)?;
        let parameters = found.graph.parameter_count();
        let mut parts = vec![format!("{}, {parameters} parameters", found.name)];
        parts.extend(found.remarks);
        Ok(Model {
            graph,
            network: found.graph,
            published: found.published,
            read_as: parts.join(", "),
            name: found.name,
            preprocessing,
            notes: found.notes,
            family: found.family,
        })
    }

    /// What was read and how pixels are given to it, in one line.
    pub fn description(&self) -> String {
        format!("{}, {}", self.read_as, self.preprocessing)
    }

    /// How many classes it tells apart: one output channel stands for two.
    pub fn classes(&self) -> usize {
        self.graph.output_channels().unwrap_or(0).max(2)
    }

    /// The network as it was trained, giving what it gives there: for comparing it with its makers' numbers.
    pub fn as_published(&self) -> Result<Graph> {
        let mut graph = self.network.clone();
        graph.set_output(self.published)?;
        Ok(graph)
    }

    /// The same network with other weights.
    ///
    /// # Errors
    /// Those of its preprocessing.
    pub fn with_weights(&self, network: Graph) -> Result<Model> {
        Ok(Model {
            graph: self.preprocessing.before(&network)?,
            network,
            ..self.clone()
        })
    }

    /// The whole network as one checkpoint, which [`Model::open`] reads: weights, graph and preprocessing.
    ///
    /// # Errors
    /// If a weight is not finite.
    pub fn to_checkpoint(&self) -> Result<Checkpoint> {
        stored::checkpoint(self)
    }

    /// What weights of this network have to say beside their tensors, so that it is read for certain: its family, or its
    /// whole graph.
    ///
    /// # Errors
    /// If the graph cannot be written.
    pub fn metadata(&self) -> Result<BTreeMap<String, String>> {
        match self.family.is_empty() || !self.preprocessing.is_none() {
            true => stored::metadata(self),
            false => Ok(self.family.clone()),
        }
    }
}
