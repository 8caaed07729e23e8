//! What a network is: operators, nodes and parameters, independent of any input size; and the U-Net families
//! as builders of such graphs.

mod family;
mod op;
mod shapes;
mod simple_unet;

use std::sync::Arc;

use crate::error::{Error, Result};

pub use family::{Family, Model};
pub use op::{Op, PadMargins, PadMode, Resampling, Slopes, UpsampleSize};
pub use simple_unet::{Padding, SimpleUnet};

/// The number of a node in its [`Graph`]. Inputs of a node have smaller numbers than it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// The number of a parameter in its [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParameterId(pub usize);

/// Numbers that a network has learnt.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name in the checkpoint.
    pub name: String,
    /// Its shape, as PyTorch has it.
    pub shape: Vec<usize>,
    /// Its numbers in row-major order.
    pub data: Arc<Vec<f32>>,
}

/// An operator and where its inputs come from.
#[derive(Clone, Debug)]
pub struct Node {
    /// The layer's name, for messages and tables.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// Which nodes it reads.
    pub inputs: Vec<NodeId>,
}

/// A network of any input size: a list of nodes in an order in which they can be computed. Node 0 is the
/// input, and one node is the output.
#[derive(Clone, Debug)]
pub struct Graph {
    nodes: Vec<Node>,
    parameters: Vec<Parameter>,
    output: NodeId,
}

impl Graph {
    /// A graph that gives back its input of `channels` channels.
    pub fn new(channels: usize) -> Self {
        Graph {
            nodes: vec![Node {
                name: "input".into(),
                op: Op::Input { channels },
                inputs: Vec::new(),
            }],
            parameters: Vec::new(),
            output: NodeId(0),
        }
    }

    /// The input's node.
    pub fn input(&self) -> NodeId {
        NodeId(0)
    }

    /// The output's node: the last one added.
    pub fn output(&self) -> NodeId {
        self.output
    }

    /// All nodes, indexed by [`NodeId`].
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// All parameters, indexed by [`ParameterId`].
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// How many numbers the network has learnt.
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().map(|p| p.data.len()).sum()
    }

    /// Channels of the input.
    pub fn input_channels(&self) -> usize {
        match self.nodes[0].op {
            Op::Input { channels } => channels,
            _ => 0,
        }
    }

    /// Adds a parameter.
    ///
    /// # Errors
    /// If `data` has not as many numbers as `shape` says.
    pub fn add_parameter(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        data: Vec<f32>,
    ) -> Result<ParameterId> {
        let name = name.into();
        let wanted: usize = shape.iter().product();
        if data.len() != wanted {
            return Err(Error::Network(format!(
                "parameter `{name}` of shape {shape:?} wants {wanted} numbers, but {} were given",
                data.len()
            )));
        }
        self.parameters.push(Parameter {
            name,
            shape: shape.to_vec(),
            data: Arc::new(data),
        });
        Ok(ParameterId(self.parameters.len() - 1))
    }

    /// Adds a node, which becomes the output.
    ///
    /// # Errors
    /// If an input is not a node added before, or there are more or fewer inputs than the operator takes,
    /// or a parameter is missing or misshapen.
    pub fn add(&mut self, name: impl Into<String>, op: Op, inputs: &[NodeId]) -> Result<NodeId> {
        let name = name.into();
        if let Some(stranger) = inputs.iter().find(|input| input.0 >= self.nodes.len()) {
            return Err(Error::Network(format!(
                "layer `{name}` reads node {}, but only {} nodes stand before it",
                stranger.0,
                self.nodes.len()
            )));
        }
        op.check(&name, inputs.len(), &self.parameters)?;
        self.nodes.push(Node {
            name,
            op,
            inputs: inputs.to_vec(),
        });
        self.output = NodeId(self.nodes.len() - 1);
        Ok(self.output)
    }

    /// How many numbers one of its operators has learnt.
    pub fn parameters_of(&self, op: &Op) -> usize {
        op.parameters().iter().map(|&id| self.data(id).len()).sum()
    }

    /// A parameter's numbers.
    pub(crate) fn data(&self, id: ParameterId) -> &[f32] {
        self.parameters.get(id.0).map_or(&[], |p| &p.data)
    }

    /// A parameter's shape.
    pub(crate) fn shape_of(&self, id: ParameterId) -> &[usize] {
        self.parameters.get(id.0).map_or(&[], |p| &p.shape)
    }
}
