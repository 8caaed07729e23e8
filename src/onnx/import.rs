//! From an ONNX file to a graph: node by node, numbers on the host, pixels as operators.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rten_onnx::onnx::NodeProto;

use super::attributes::Attributes;
use super::file::{OnnxFile, label};
use super::folding::{fold, part_of_shape};
use super::host::{Extents, Host, Number, PROBES};
use super::operators;
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
    values: HashMap<&'f str, Value>,
    /// Nodes that only give other extents, by what they read.
    reshaped: HashMap<(NodeId, Vec<Extents>), NodeId>,
    parameters: HashMap<(String, &'static str), ParameterId>,
    /// What could not be imported, by the kind of node.
    problems: Vec<(String, String)>,
    /// Nodes that were computed here.
    pub folded: usize,
    /// Numbers that they made.
    made: usize,
    /// Numbers that the file holds.
    stored: usize,
}

/// Values that a node may have at the sizes that are looked at, which are larger than most images: fewer can be run.
const MOST_LOOKED_AT: u64 = 1 << 48;

/// Numbers that folding may make of a file that holds few.
const MOST_MADE_IN_ALL: usize = 1 << 24;

/// One node under way.
pub(super) struct Job<'i, 'f> {
    pub importer: &'i mut Importer<'f>,
    pub node: &'f NodeProto,
    pub attributes: Attributes<'f>,
    pub name: String,
}

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

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.shapes.len()
    }

    /// Imports all nodes that `outputs` depend on.
    ///
    /// # Errors
    /// With every node that is not supported.
    pub fn run(&mut self, outputs: &[&str]) -> Result<(), String> {
        let needed = needed(self.file, outputs);
        for (node, needed) in self.file.nodes.iter().zip(needed) {
            if needed {
                self.import(node);
            }
        }
        match self.problems.is_empty() {
            true => Ok(()),
            false => Err(self.describe_problems()),
        }
    }

    fn import(&mut self, node: &'f NodeProto) {
        let kind = node.op_type.as_deref().unwrap_or_default();
        let inputs: Vec<Option<Value>> = node
            .input
            .iter()
            .map(|name| match name.is_empty() {
                true => None,
                false => Some(self.values.get(name.as_str()).cloned().unwrap_or(Value::Unknown)),
            })
            .collect();
        let values = match self.convert(node, kind, &inputs) {
            Ok(values) => values,
            Err(problem) => {
                // What cannot be read because something before it could not is told once, unless it is unknown itself.
                let follows = inputs
                    .iter()
                    .flatten()
                    .any(|value| matches!(value, Value::Unknown));
                if !follows || !operators::is_known(kind) {
                    self.problems.push((kind.to_string(), problem));
                }
                Vec::new()
            }
        };
        let values = values.into_iter().chain(std::iter::repeat(Value::Unknown));
        for (name, value) in node.output.iter().zip(values) {
            self.values.insert(name, value);
        }
    }

    fn convert(
        &mut self,
        node: &'f NodeProto,
        kind: &str,
        inputs: &[Option<Value>],
    ) -> Result<Vec<Value>, String> {
        let name = label(node);
        let named = |problem: String| format!("`{name}` {problem}");
        if !matches!(node.domain.as_deref(), None | Some("" | "ai.onnx")) {
            let domain = node.domain.as_deref().unwrap_or_default();
            return Err(named(format!("is of the operators `{domain}`")));
        }
        let attributes = Attributes::of(node, self.file.folder.as_deref());
        let hosts: Vec<Option<&Host>> = inputs
            .iter()
            .map(|input| match input {
                Some(Value::Host(host)) => Some(host),
                _ => None,
            })
            .collect();
        let known = inputs
            .iter()
            .zip(&hosts)
            .all(|(input, host)| input.is_none() || host.is_some());
        if known && let Some(folded) = fold(kind, &hosts, &attributes, node.output.len()) {
            self.folded += 1;
            let hosts = folded.map_err(named)?;
            self.made += hosts.iter().map(Host::length).sum::<usize>();
            if self.made > MOST_MADE_IN_ALL.max(4 * self.stored) {
                return Err(named(format!(
                    "is one of many that make {} numbers of few",
                    self.made
                )));
            }
            return Ok(hosts.into_iter().map(Value::Host).collect());
        }
        if kind == "Shape"
            && let Some(Some(Value::Pixels(pixels))) = inputs.first()
        {
            self.folded += 1;
            let shape = part_of_shape(self.sizes_of(pixels), &attributes).map_err(named)?;
            return Ok(vec![Value::Host(shape)]);
        }
        let Some(operator) = operators::find(kind) else {
            return Err(format!("`{name}`"));
        };
        operator(&mut Job {
            importer: self,
            node,
            attributes,
            name: name.clone(),
        })
        .map_err(|problem| format!("`{name}` {problem}"))
    }

    /// The extents as numbers that say where they come from.
    fn sizes_of(&self, pixels: &Pixels) -> Vec<Number> {
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
        let (op, inputs) = super::sizes::reshape(self, node, wanted)?;
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

    fn describe_problems(&self) -> String {
        let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
        for (kind, problem) in &self.problems {
            match kinds.iter_mut().find(|(other, _)| other == kind) {
                Some((_, problems)) => problems.push(problem),
                None => kinds.push((kind, vec![problem])),
            }
        }
        let kinds: Vec<String> = kinds
            .into_iter()
            .map(|(kind, problems)| format!("{kind}{}: {}", operators::remark(kind), problems.join(", ")))
            .collect();
        let count = match self.problems.len() {
            1 => "1 node that is not supported".to_string(),
            count => format!("{count} nodes that are not supported"),
        };
        format!("has {count}: {}", kinds.join("; "))
    }
}

/// The extents of a shape in order.
pub(super) fn sides(shape: Shape) -> [usize; 4] {
    [shape.n, shape.c, shape.h, shape.w]
}

/// Which nodes the outputs depend on.
fn needed(file: &OnnxFile, outputs: &[&str]) -> Vec<bool> {
    let mut wanted: HashSet<&str> = outputs.iter().copied().collect();
    let mut needed = vec![false; file.nodes.len()];
    for (node, needed) in file.nodes.iter().zip(&mut needed).rev() {
        *needed = node.output.iter().any(|output| wanted.contains(output.as_str()));
        if *needed {
            wanted.extend(node.input.iter().map(String::as_str));
        }
    }
    needed
}

impl<'f> Job<'_, 'f> {
    /// Whether there is an input of this number.
    pub fn has(&self, index: usize) -> bool {
        self.node.input.get(index).is_some_and(|name| !name.is_empty())
    }

    /// What its input is called.
    pub fn input_name(&self, index: usize) -> &'f str {
        self.node.input.get(index).map_or("", String::as_str)
    }

    fn input(&self, index: usize) -> Result<&Value, String> {
        let value = self
            .importer
            .value(self.input_name(index))
            .filter(|_| self.has(index));
        value.ok_or_else(|| format!("has no input {index}"))
    }

    /// An input that depends on the image.
    pub fn pixels(&self, index: usize) -> Result<Pixels, String> {
        match self.input(index)? {
            Value::Pixels(pixels) => Ok(pixels.clone()),
            Value::Stack(_) => Err("reads tensors of five axes".into()),
            Value::Host(_) => Err(format!("reads numbers where pixels are wanted (input {index})")),
            Value::Unknown => Err("reads what could not be imported".into()),
        }
    }

    /// Side by side values along a new first axis, if the input is such.
    pub fn stack(&self, index: usize) -> Option<Vec<Pixels>> {
        match self.input(index) {
            Ok(Value::Stack(parts)) => Some(parts.clone()),
            _ => None,
        }
    }

    /// An input that is known here.
    pub fn host(&self, index: usize) -> Result<Host, String> {
        match self.input(index)? {
            Value::Host(host) => Ok(host.clone()),
            _ => Err(format!(
                "has an input {index} that depends on the image's pixels; want numbers"
            )),
        }
    }

    /// An input that is known here, if it is there.
    pub fn optional_host(&self, index: usize) -> Result<Option<Host>, String> {
        match self.has(index) {
            true => self.host(index).map(Some),
            false => Ok(None),
        }
    }

    /// Whether an input is known here.
    pub fn is_host(&self, index: usize) -> bool {
        matches!(self.input(index), Ok(Value::Host(_)))
    }

    /// An input of four axes: samples, channels, rows, columns.
    pub fn image(&mut self, index: usize) -> Result<(NodeId, [Shape; PROBES]), String> {
        let pixels = self.pixels(index)?;
        if pixels.rank() != 4 {
            return Err(format!(
                "works on a tensor of {} axes; networks on images of rows and columns are supported",
                pixels.rank()
            ));
        }
        let node = self.importer.own_shape(&pixels)?;
        Ok((node, self.importer.shapes(node)))
    }

    /// Adds an operator under the node's name.
    pub fn add(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId, String> {
        let name = self.name.clone();
        self.importer.add(&name, op, inputs)
    }

    /// A parameter of the numbers of an input.
    pub fn parameter(
        &mut self,
        index: usize,
        purpose: &'static str,
        shape: &[usize],
    ) -> Result<ParameterId, String> {
        let host = self.host(index)?;
        if host.length() != shape.iter().product::<usize>() {
            return Err(format!(
                "wants {shape:?} numbers in `{}`, which has {:?}",
                self.input_name(index),
                host.dims
            ));
        }
        self.importer
            .parameter(self.input_name(index), purpose, shape, host.weights()?)
    }

    /// A parameter made here.
    pub fn made_parameter(
        &mut self,
        purpose: &'static str,
        shape: &[usize],
        data: Vec<f32>,
    ) -> Result<ParameterId, String> {
        let name = self.name.clone();
        self.importer.parameter(&name, purpose, shape, Arc::new(data))
    }

    /// A node with its own shape as value.
    pub fn of_node(&self, node: NodeId) -> Value {
        let shapes = self.importer.shapes(node);
        Value::Pixels(Pixels {
            node,
            dims: (0..4)
                .map(|axis| shapes.map(|shape| sides(shape)[axis]))
                .collect(),
        })
    }

    /// A node with its own shape as value, seen with as many axes as `rank`: leading ones are left out.
    pub fn of_node_ranked(&self, node: NodeId, rank: usize) -> Result<Value, String> {
        match self.of_node(node) {
            Value::Pixels(pixels)
                if rank <= 4
                    && pixels.dims[..4 - rank]
                        .iter()
                        .all(|extents| *extents == [1; PROBES]) =>
            {
                Ok(Value::Pixels(Pixels {
                    node,
                    dims: pixels.dims[4 - rank..].to_vec(),
                }))
            }
            _ => Err(format!("gives a tensor that does not have {rank} axes")),
        }
    }
}
