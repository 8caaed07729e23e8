//! From an ONNX file to a graph: node by node, numbers on the host, pixels as operators.

use std::collections::HashMap;
use std::sync::Arc;

use super::file::OnnxFile;
use super::host::{Extents, Host, Number, PROBES, sides};
use super::sizes;
use crate::graph::ops::{Misfit, Operator};
use crate::graph::{Graph, NodeId, Op, ParameterId};
use crate::tensor::Shape;

/// Values that depend on the image: a node of the graph and the extents that ONNX sees of it, in the same row-major
/// order. The node's own shape has four axes; the extents may be any number and differ from it.
#[derive(Clone, Debug)]
pub(super) struct Pixels {
    pub node: NodeId,
    pub dims: Vec<Extents>,
}

impl Pixels {
    pub fn rank(&self) -> usize {
        self.dims.len()
    }
}

/// What is known of a value of the file.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Host(Host),
    Pixels(Pixels),
    /// Values of the same extents side by side along a new first axis.
    Stack(Vec<Pixels>),
    /// Of a node that could not be imported.
    Unknown,
}

/// An import under way.
pub(super) struct Importer<'f> {
    pub file: &'f OnnxFile,
    pub graph: Graph,
    /// Of each node of the graph, its shape at each input size.
    shapes: Vec<[Shape; PROBES]>,
    pub values: HashMap<&'f str, Value>,
    /// Nodes that only give other extents, by what they read.
    reshaped: HashMap<(NodeId, Vec<Extents>), NodeId>,
    parameters: HashMap<(String, &'static str), ParameterId>,
    /// What could not be imported, by the kind of node.
    pub problems: Vec<(String, String)>,
    /// Nodes that were computed here.
    pub folded: usize,
    /// Numbers that they made.
    pub made: usize,
    /// Numbers that the file holds.
    pub stored: usize,
}

/// Values that a node may have at the sizes that are looked at, which are larger than most images: fewer can be run.
const MOST_LOOKED_AT: u64 = 1 << 48;

impl<'f> Importer<'f> {
    /// `probes` are the input's shapes at the sizes that are looked at.
    pub fn new(file: &'f OnnxFile, graph: Graph, probes: [Shape; PROBES]) -> Self {
        let constants = file.constants.iter();
        Importer {
            file,
            graph,
            shapes: vec![probes],
            values: constants
                .map(|(name, host)| (name.as_str(), Value::Host(host.clone())))
                .collect(),
            reshaped: HashMap::new(),
            parameters: HashMap::new(),
            problems: Vec::new(),
            folded: 0,
            made: 0,
            stored: file.constants.values().map(Host::length).sum(),
        }
    }

    /// Says what a value is.
    pub fn set(&mut self, name: &'f str, value: Value) {
        self.values.insert(name, value);
    }

    /// What is known of a value.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// The shapes of a node of the graph.
    pub fn shapes(&self, id: NodeId) -> [Shape; PROBES] {
        self.shapes[id.0]
    }

    /// The shapes of all nodes of the graph.
    pub fn all_shapes(&self) -> &[[Shape; PROBES]] {
        &self.shapes
    }

    /// The extents as numbers that say where they come from.
    pub fn sizes_of(&self, pixels: &Pixels) -> Vec<Number> {
        let own = self
            .padded(&pixels.dims)
            .is_ok_and(|shapes| shapes == self.shapes(pixels.node));
        let sizes = pixels.dims.iter().enumerate().map(|(axis, extents)| Number {
            at: extents.map(|extent| extent as f64),
            origin: (own && pixels.rank() == 4).then_some((pixels.node, axis)),
        });
        sizes.collect()
    }

    /// The shapes of extents with ones before them.
    fn padded(&self, dims: &[Extents]) -> Result<[Shape; PROBES], String> {
        let missing = 4usize
            .checked_sub(dims.len())
            .ok_or_else(|| format!("wants at most four axes, and has {}", dims.len()))?;
        let at = |axis: usize, probe: usize| axis.checked_sub(missing).map_or(1, |own| dims[own][probe]);
        Ok(std::array::from_fn(|probe| {
            Shape::new(at(0, probe), at(1, probe), at(2, probe), at(3, probe))
        }))
    }

    /// The node whose shape is that of the extents with ones before them.
    pub fn own_shape(&mut self, pixels: &Pixels) -> Result<NodeId, String> {
        let wanted = self.padded(&pixels.dims)?;
        self.with_shape(pixels.node, wanted)
    }

    /// A node with the same elements and these shapes.
    pub fn with_shape(&mut self, node: NodeId, wanted: [Shape; PROBES]) -> Result<NodeId, String> {
        if wanted == self.shapes(node) {
            return Ok(node);
        }
        let key: Vec<Extents> = (0..4)
            .map(|axis| wanted.map(|shape| sides(shape)[axis]))
            .collect();
        if let Some(&known) = self.reshaped.get(&(node, key.clone())) {
            return Ok(known);
        }
        let (op, inputs) = sizes::reshape(&self.shapes, node, wanted)?;
        let name = format!("{} reshaped", self.graph.nodes()[node.0].name);
        let id = self.add(&name, op, &inputs)?;
        self.reshaped.insert((node, key), id);
        Ok(id)
    }

    /// Adds a node and finds its shapes.
    pub fn add(&mut self, name: &str, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId, String> {
        let op = op.into();
        // Its settings are checked before its shapes are asked for.
        let id = self
            .graph
            .add(name, op.clone(), inputs)
            .map_err(|error| error.to_string())?;
        let found = self.shapes_of(&op, inputs);
        // The graph has the node, and is given up with the error.
        let placeholder = [Shape::new(1, 1, 1, 1); PROBES];
        self.shapes.push(*found.as_ref().unwrap_or(&placeholder));
        found.map(|_| id)
    }

    fn shapes_of(&self, op: &Op, inputs: &[NodeId]) -> Result<[Shape; PROBES], String> {
        let mut shapes = [Shape::new(0, 0, 0, 0); PROBES];
        for (probe, shape) in shapes.iter_mut().enumerate() {
            let from: Vec<Shape> = inputs.iter().map(|input| self.shapes(*input)[probe]).collect();
            *shape = op
                .shape(&from, self.graph.parameters())
                .map_err(|misfit| match misfit {
                    Misfit::TooSmall => "is left with nothing of its input".to_string(),
                    Misfit::Other(problem) => problem,
                })?;
            match shape.elements() as u64 {
                0 => return Err("is left with nothing of its input".into()),
                elements if elements > MOST_LOOKED_AT => {
                    return Err(format!("makes {shape} values, which are too many"));
                }
                _ => {}
            }
        }
        Ok(shapes)
    }

    /// A parameter of these numbers; the same one for the same tensor and use.
    pub fn parameter(
        &mut self,
        tensor: &str,
        purpose: &'static str,
        shape: &[usize],
        data: Arc<Vec<f32>>,
    ) -> Result<ParameterId, String> {
        if let Some((index, value)) = data.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(format!("has {value} as number {index} of its tensor `{tensor}`"));
        }
        let key = (format!("{tensor} {shape:?}"), purpose);
        if let Some(&id) = self.parameters.get(&key) {
            return Ok(id);
        }
        let name = match purpose {
            "" => tensor.to_string(),
            _ => format!("{tensor} {purpose}"),
        };
        let id = self
            .graph
            .add_shared_parameter(name, shape, data)
            .map_err(|error| error.to_string())?;
        self.parameters.insert(key, id);
        Ok(id)
    }
}
