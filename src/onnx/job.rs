//! What an operator has at hand while its node is imported.

use std::sync::Arc;

use rten_onnx::onnx::NodeProto;

use super::attributes::Attributes;
use super::host::{Host, PROBES, sides};
use super::import::{Importer, Pixels, Value};
use crate::graph::{NodeId, Op, ParameterId};
use crate::tensor::Shape;

/// One node under way.
pub(super) struct Job<'i, 'f> {
    pub importer: &'i mut Importer<'f>,
    pub node: &'f NodeProto,
    pub attributes: Attributes<'f>,
    pub name: String,
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
