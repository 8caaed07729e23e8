//! The graph: nodes in an order in which they can be computed, and their parameters.

use std::borrow::Cow;
use std::sync::Arc;

use super::ops::{Input, Op, Operator};
use super::parameter::{Parameter, ParameterId};
use crate::error::{Error, Result};

/// The number of a node in its [`Graph`]. Inputs of a node have smaller numbers than it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct NodeId(pub usize);

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
    pub(super) nodes: Vec<Node>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) output: NodeId,
}

impl Graph {
    /// A graph that gives back its input of `channels` channels.
    pub fn new(channels: usize) -> Self {
        Graph::with_input(channels, None)
    }

    /// The same, which takes inputs of `size` (rows, columns) alone if one is named.
    pub fn with_input(channels: usize, size: Option<[usize; 2]>) -> Self {
        Graph {
            nodes: vec![Node {
                name: "input".into(),
                op: Input { channels, size }.into(),
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

    /// The output's node: the last one added, or the one that [`Graph::set_output`] named.
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
            Op::Input(Input { channels, .. }) => channels,
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
        self.add_shared_parameter(name, shape, Arc::new(data))
    }

    /// Adds a parameter whose numbers others may hold too.
    ///
    /// # Errors
    /// If `data` has not as many numbers as `shape` says.
    pub fn add_shared_parameter(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        data: Arc<Vec<f32>>,
    ) -> Result<ParameterId> {
        let name = name.into();
        let wanted = shape
            .iter()
            .try_fold(1usize, |product, &extent| product.checked_mul(extent));
        if wanted != Some(data.len()) {
            let wanted = wanted.map_or("more than can be counted".into(), |wanted| wanted.to_string());
            return Err(Error::Network(format!(
                "parameter `{name}` of shape {shape:?} wants {wanted} numbers, but {} were given",
                data.len()
            )));
        }
        self.parameters.push(Parameter {
            name,
            shape: shape.to_vec(),
            data,
        });
        Ok(ParameterId(self.parameters.len() - 1))
    }

    /// Gives a parameter other numbers.
    ///
    /// # Errors
    /// If there is no such parameter, or it has not as many numbers.
    pub fn set_parameter(&mut self, id: ParameterId, data: Arc<Vec<f32>>) -> Result<()> {
        match self.parameters.get_mut(id.0) {
            Some(parameter) if parameter.data.len() == data.len() => {
                parameter.data = data;
                Ok(())
            }
            Some(parameter) => Err(Error::Network(format!(
                "parameter `{}` has {} numbers, but {} were given",
                parameter.name,
                parameter.data.len(),
                data.len()
            ))),
            None => Err(Error::Network(format!(
                "parameter {} was given, and the network has {}",
                id.0,
                self.parameters.len()
            ))),
        }
    }

    /// The shape of a parameter; of one that is missing, that of a single number.
    pub fn shape_of(&self, id: ParameterId) -> &[usize] {
        self.parameters
            .get(id.0)
            .map_or(&[], |parameter| &parameter.shape)
    }

    /// Whether another network has the same layers, whatever its numbers are.
    pub fn has_layers_of(&self, other: &Graph) -> bool {
        let same = |(one, other): (&Node, &Node)| one.op == other.op && one.inputs == other.inputs;
        self.output == other.output
            && self.nodes.len() == other.nodes.len()
            && self.nodes.iter().zip(&other.nodes).all(same)
    }

    /// Makes a node the output: what stands behind it is not computed.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn set_output(&mut self, id: NodeId) -> Result<()> {
        if id.0 >= self.nodes.len() {
            return Err(Error::Network(format!(
                "node {} was named as output, and the network has {}",
                id.0,
                self.nodes.len()
            )));
        }
        self.output = id;
        Ok(())
    }

    /// The network without the nodes that its output does not depend on; the input stays.
    pub(crate) fn pruned(&self) -> Cow<'_, Graph> {
        let mut needed = vec![false; self.nodes.len()];
        needed[0] = true;
        needed[self.output.0] = true;
        // Inputs of a node stand before it.
        for index in (0..self.nodes.len()).rev() {
            if needed[index] {
                self.nodes[index]
                    .inputs
                    .iter()
                    .for_each(|input| needed[input.0] = true);
            }
        }
        if !needed.contains(&false) {
            return Cow::Borrowed(self);
        }
        let before = |id: NodeId| NodeId(needed[..id.0].iter().filter(|needed| **needed).count());
        let kept = self.nodes.iter().zip(&needed).filter(|(_, needed)| **needed);
        let nodes = kept.map(|(node, _)| Node {
            inputs: node.inputs.iter().map(|&input| before(input)).collect(),
            ..node.clone()
        });
        Cow::Owned(Graph {
            nodes: nodes.collect(),
            parameters: self.parameters.clone(),
            output: before(self.output),
        })
    }

    /// Adds a node, which becomes the output.
    ///
    /// # Errors
    /// If an input is not a node added before, or there are more or fewer inputs than the operator takes,
    /// or a parameter is missing or misshapen, or a setting of the operator cannot be.
    pub fn add(&mut self, name: impl Into<String>, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId> {
        let (name, op) = (name.into(), op.into());
        if let Some(stranger) = inputs.iter().find(|input| input.0 >= self.nodes.len()) {
            return Err(Error::Network(format!(
                "layer `{name}` reads node {}, but only {} nodes stand before it",
                stranger.0,
                self.nodes.len()
            )));
        }
        self.check(&op, inputs.len())
            .map_err(|problem| Error::Network(format!("layer `{name}` ({}) {problem}", op.kind())))?;
        self.nodes.push(Node {
            name,
            op,
            inputs: inputs.to_vec(),
        });
        self.output = NodeId(self.nodes.len() - 1);
        Ok(self.output)
    }

    /// Checks what can be checked of an operator without an input size.
    fn check(&self, op: &Op, inputs: usize) -> Result<(), String> {
        let wanted = op.inputs();
        if matches!(op, Op::Input(_)) {
            return Err("stands first, once; a network has one input".into());
        }
        if !wanted.contains(&inputs) {
            return Err(format!(
                "takes {} inputs, but {inputs} were given",
                wanted.start()
            ));
        }
        for (id, rank) in op.parameters() {
            let shape = self.parameters.get(id.0).map(|parameter| &parameter.shape[..]);
            if shape.is_none_or(|shape| shape.len() != rank || shape.contains(&0)) {
                return Err(format!(
                    "wants a parameter of {rank} dimensions, none of them 0, but found {shape:?}"
                ));
            }
        }
        op.check()
    }

    /// How many numbers one of its operators has learnt.
    pub fn parameters_of(&self, op: &Op) -> usize {
        op.parameters().iter().map(|&(id, _)| self.data(id).len()).sum()
    }

    /// A parameter's numbers.
    pub(crate) fn data(&self, id: ParameterId) -> &[f32] {
        self.parameters.get(id.0).map_or(&[], |p| &p.data)
    }
}
