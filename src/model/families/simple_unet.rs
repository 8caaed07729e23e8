//! The ASMA authors' `SimpleUnet`: blocks of two 3×3 convolutions with bias and ReLU, 2×2 max pooling on the
//! way down, transposed convolutions of kernel and stride 2 on the way up, each joined with the centre of
//! the skip of its level, and a 1×1 convolution to the logits.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::graph::{Graph, Margins, NodeId, ParameterId, Slopes, ops};
use crate::model::{Found, Model, ModelOptions, Preprocessing};

/// What the 3×3 convolutions do at the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Padding {
    /// They keep inside, so that the output is smaller than the input: 572×572 gives 388×388.
    #[default]
    Valid,
    /// A row and column of zeros on each side, so that sizes stay.
    Same,
}

impl fmt::Display for Padding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Padding::Valid => "valid",
            Padding::Same => "same",
        })
    }
}

impl FromStr for Padding {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "valid" => Ok(Padding::Valid),
            "same" => Ok(Padding::Same),
            other => Err(Error::Usage(format!(
                "padding `{other}` is unknown; want `valid` or `same`"
            ))),
        }
    }
}

/// A member of the family. The authors' own is 3 channels, widths 32 to 512, 2 classes, valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimpleUnet {
    /// Channels of the input.
    pub input_channels: usize,
    /// Channels of each level, the highest resolution first.
    pub widths: Vec<usize>,
    /// Channels of the output.
    pub classes: usize,
    /// What the 3×3 convolutions do at the border.
    pub padding: Padding,
}

/// Metadata key of the family's name.
pub(super) const FAMILY_KEY: &str = "family";
/// The family's name in metadata.
pub(super) const FAMILY: &str = "simple_unet";
/// The tensor by whose name the family is found.
pub(super) const FIRST_TENSOR: &str = "conv1_block.0.weight";
const PADDING_KEY: &str = "padding";

impl SimpleUnet {
    /// The member with `depth` levels whose widths double from `base`.
    pub fn doubling(
        input_channels: usize,
        base: usize,
        depth: usize,
        classes: usize,
        padding: Padding,
    ) -> Self {
        SimpleUnet {
            input_channels,
            widths: (0..depth).map(|level| base << level).collect(),
            classes,
            padding,
        }
    }

    /// Reads the member off a checkpoint's tensor shapes; the padding from its metadata, else valid. `None` if
    /// the tensors' names are not this family's.
    ///
    /// # Errors
    /// If the metadata names a padding that does not exist.
    pub fn recognise(checkpoint: &Checkpoint) -> Result<Option<SimpleUnet>> {
        let first = |name: &str, axis: usize| {
            checkpoint
                .shape_of(name)
                .and_then(|shape| shape.get(axis).copied())
        };
        let widths: Vec<usize> = (1..)
            .map_while(|level| first(&format!("conv{level}_block.0.weight"), 0))
            .collect();
        let (Some(input_channels), Some(classes)) = (first(FIRST_TENSOR, 1), first("conv_final.weight", 0))
        else {
            return Ok(None);
        };
        Ok(Some(SimpleUnet {
            input_channels,
            widths,
            classes,
            padding: SimpleUnet::padding_of(checkpoint)?.unwrap_or_default(),
        }))
    }

    /// The padding that a checkpoint's metadata says, if it says one.
    ///
    /// # Errors
    /// If there is no such padding.
    pub(super) fn padding_of(checkpoint: &Checkpoint) -> Result<Option<Padding>> {
        let said = checkpoint.metadata().get(PADDING_KEY);
        said.map(|padding| padding.parse().map_err(|error| checkpoint.error(error)))
            .transpose()
    }

    /// The metadata that makes recognition certain.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (FAMILY_KEY.to_string(), FAMILY.to_string()),
            (PADDING_KEY.to_string(), self.padding.to_string()),
        ])
    }

    /// Names and shapes of all tensors.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut tensors = Vec::new();
        let mut layer = |name: String, shape: Vec<usize>, out: usize| {
            tensors.push((format!("{name}.weight"), shape));
            tensors.push((format!("{name}.bias"), vec![out]));
        };
        let mut channels = self.input_channels;
        for (level, &width) in (1..).zip(&self.widths) {
            layer(format!("conv{level}_block.0"), vec![width, channels, 3, 3], width);
            layer(format!("conv{level}_block.2"), vec![width, width, 3, 3], width);
            channels = width;
        }
        for (step, &width) in (1..).zip(self.widths.iter().rev().skip(1)) {
            layer(format!("up_{step}"), vec![channels, width, 2, 2], width);
            layer(format!("conv_up_{step}.0"), vec![width, 2 * width, 3, 3], width);
            layer(format!("conv_up_{step}.2"), vec![width, width, 3, 3], width);
            channels = width;
        }
        layer(
            "conv_final".into(),
            vec![self.classes, channels, 1, 1],
            self.classes,
        );
        tensors
    }

    /// Builds the graph with the weights of `checkpoint`.
    ///
    /// # Errors
    /// If a tensor is missing, surplus, misshapen or not finite, naming it.
    pub fn load(&self, checkpoint: &Checkpoint) -> Result<Graph> {
        checkpoint.expect_only(self.tensors().iter().map(|(name, _)| name))?;
        self.build(|name, shape| Ok(checkpoint.tensor_shaped(name, shape)?.data))
    }

    /// A model of a member with this graph.
    ///
    /// # Errors
    /// If the graph takes no channels.
    pub fn model(&self, graph: Graph) -> Result<Model> {
        Model::of(self.found(graph), &ModelOptions::default())
    }

    /// What is known of a member with this graph.
    pub(super) fn found(&self, graph: Graph) -> Found {
        Found {
            published: graph.output(),
            graph,
            name: self.to_string(),
            remarks: Vec::new(),
            notes: Vec::new(),
            preprocessing: Preprocessing::default(),
            family: self.metadata(),
        }
    }

    /// Builds the graph with weights of zero.
    ///
    /// # Errors
    /// If there is no level.
    pub fn blank(&self) -> Result<Graph> {
        self.build(|_, shape| Ok(vec![0.0; shape.iter().product()]))
    }

    /// Builds the graph with the weights that `weights(name, shape)` gives.
    ///
    /// # Errors
    /// Those of `weights`, or if there is no level.
    pub fn build(&self, mut weights: impl FnMut(&str, &[usize]) -> Result<Vec<f32>>) -> Result<Graph> {
        let mut builder = Builder {
            graph: Graph::new(self.input_channels),
            padding: match self.padding {
                Padding::Valid => [0, 0],
                Padding::Same => [1, 1],
            },
            weights: &mut weights,
        };
        let mut x = builder.graph.input();
        let mut channels = self.input_channels;
        let mut skips = Vec::new();
        for (level, &width) in (1..).zip(&self.widths) {
            if level > 1 {
                x = builder.graph.add(
                    format!("pool{}", level - 1),
                    ops::MaxPool2d {
                        kernel: [2, 2],
                        stride: [2, 2],
                        padding: Margins::NONE,
                        ceil: false,
                    },
                    &[x],
                )?;
            }
            x = builder.block(&format!("conv{level}_block"), x, [channels, width])?;
            skips.push(x);
            channels = width;
        }
        if skips.pop().is_none() {
            return Err(Error::Network("a SimpleUnet needs at least one level".into()));
        }
        for (step, (&width, &skip)) in (1..).zip(self.widths.iter().rev().skip(1).zip(skips.iter().rev())) {
            x = builder.up(&format!("up_{step}"), x, [channels, width])?;
            let graph = &mut builder.graph;
            let cropped = graph.add(format!("crop_{step}"), ops::Crop, &[skip, x])?;
            x = graph.add(format!("cat_{step}"), ops::Concat::CHANNELS, &[x, cropped])?;
            x = builder.block(&format!("conv_up_{step}"), x, [2 * width, width])?;
            channels = width;
        }
        builder.convolution("conv_final", x, [channels, self.classes], 1, [0, 0])?;
        Ok(builder.graph)
    }
}

impl fmt::Display for SimpleUnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<_> = self.widths.iter().map(usize::to_string).collect();
        write!(
            f,
            "SimpleUnet, {} channels in, widths {}, {} out, {} convolutions",
            self.input_channels,
            widths.join("-"),
            self.classes,
            self.padding
        )
    }
}

struct Builder<'w, W> {
    graph: Graph,
    padding: [usize; 2],
    weights: &'w mut W,
}

impl<W: FnMut(&str, &[usize]) -> Result<Vec<f32>>> Builder<'_, W> {
    fn parameter(&mut self, name: String, shape: &[usize]) -> Result<ParameterId> {
        let data = (self.weights)(&name, shape)?;
        self.graph.add_parameter(name, shape, data)
    }

    fn convolution(
        &mut self,
        name: &str,
        x: NodeId,
        [channels, out]: [usize; 2],
        kernel: usize,
        padding: [usize; 2],
    ) -> Result<NodeId> {
        let weight = self.parameter(format!("{name}.weight"), &[out, channels, kernel, kernel])?;
        let bias = Some(self.parameter(format!("{name}.bias"), &[out])?);
        let op = ops::Conv2d {
            weight,
            bias,
            stride: [1, 1],
            padding: Margins::same(padding),
            dilation: [1, 1],
            groups: 1,
        };
        self.graph.add(name, op, &[x])
    }

    /// Two 3×3 convolutions with ReLU.
    fn block(&mut self, name: &str, mut x: NodeId, [channels, width]: [usize; 2]) -> Result<NodeId> {
        for (index, from) in [(0, channels), (2, width)] {
            x = self.convolution(&format!("{name}.{index}"), x, [from, width], 3, self.padding)?;
            let relu = ops::Slope {
                slopes: Slopes::Same(0.0),
            };
            x = self.graph.add(format!("{name}.{}", index + 1), relu, &[x])?;
        }
        Ok(x)
    }

    fn up(&mut self, name: &str, x: NodeId, [channels, width]: [usize; 2]) -> Result<NodeId> {
        let weight = self.parameter(format!("{name}.weight"), &[channels, width, 2, 2])?;
        let bias = Some(self.parameter(format!("{name}.bias"), &[width])?);
        let op = ops::ConvTranspose2d {
            weight,
            bias,
            stride: [2, 2],
            padding: Margins::NONE,
            output_padding: [0, 0],
            dilation: [1, 1],
            groups: 1,
        };
        self.graph.add(name, op, &[x])
    }
}
