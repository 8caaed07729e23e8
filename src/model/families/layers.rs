//! Layers as PyTorch's modules name their tensors, added to a graph one after the other.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::graph::ops::{
    self, Affine, Concat, Conv2d, ConvTranspose2d, GroupNorm, MaxPool2d, NormGroups, Op, Slope,
};
use crate::graph::{Graph, Margins, NodeId, ParameterId, Slopes};

/// What PyTorch's normalisations add to a variance, unless told otherwise.
const EPSILON: f32 = 1e-5;

/// A network under construction from the tensors of a checkpoint.
pub(super) struct Layers<'c> {
    /// The tensors under their own names.
    pub tensors: &'c Checkpoint,
    pub graph: Graph,
    used: RefCell<BTreeSet<String>>,
}

impl<'c> Layers<'c> {
    pub fn new(tensors: &'c Checkpoint, input_channels: usize) -> Self {
        Layers {
            tensors,
            graph: Graph::new(input_channels),
            used: RefCell::default(),
        }
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.shape_of(name).is_some()
    }

    /// An extent of a tensor.
    ///
    /// # Errors
    /// If it is not there.
    pub fn extent(&self, name: &str, axis: usize) -> Result<usize> {
        extent(self.tensors, name, axis)
    }

    /// The names of tensors that no layer took.
    pub fn unused(&self) -> Vec<String> {
        let used = self.used.borrow();
        self.tensors
            .names()
            .filter(|name| !used.contains(*name))
            .map(str::to_string)
            .collect()
    }

    fn numbers(&self, name: &str, length: Option<usize>) -> Result<Vec<f32>> {
        self.used.borrow_mut().insert(name.to_string());
        match length {
            Some(length) => Ok(self.tensors.tensor_shaped(name, &[length])?.data),
            None => Ok(self.tensors.tensor(name)?.data),
        }
    }

    fn parameter(&mut self, name: &str) -> Result<ParameterId> {
        let shape = self.tensors.shape_of(name).unwrap_or_default().to_vec();
        let data = self.numbers(name, None)?;
        self.graph.add_shared_parameter(name, &shape, Arc::new(data))
    }

    fn add(&mut self, name: &str, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId> {
        self.graph.add(name, op, inputs)
    }

    /// A convolution by its name, with a bias if there is one; odd kernels keep sizes at stride 1.
    pub fn convolution(&mut self, name: &str, x: NodeId, stride: [usize; 2]) -> Result<NodeId> {
        let weight_name = format!("{name}.weight");
        let padding = [
            self.extent(&weight_name, 2)? / 2,
            self.extent(&weight_name, 3)? / 2,
        ];
        let weight = self.parameter(&weight_name)?;
        let bias = self.optional(&format!("{name}.bias"))?;
        let op = Conv2d {
            weight,
            bias,
            stride,
            padding: Margins::same(padding),
            dilation: [1, 1],
            groups: 1,
        };
        self.add(name, op, &[x])
    }

    /// A transposed convolution whose output is `stride` times as large as its input.
    pub fn transposed(&mut self, name: &str, x: NodeId, stride: [usize; 2]) -> Result<NodeId> {
        let weight_name = format!("{name}.weight");
        let kernel = [self.extent(&weight_name, 2)?, self.extent(&weight_name, 3)?];
        let weight = self.parameter(&weight_name)?;
        let bias = self.optional(&format!("{name}.bias"))?;
        // What overlaps is cut off at both sides; an odd rest below and right is given back.
        let over = [0, 1].map(|axis: usize| kernel[axis].saturating_sub(stride[axis]));
        let padding = over.map(|over| over.div_ceil(2));
        let op = ConvTranspose2d {
            weight,
            bias,
            stride,
            padding: Margins::same(padding),
            output_padding: [0, 1]
                .map(|axis| (2 * padding[axis] + stride[axis]).saturating_sub(kernel[axis])),
            dilation: [1, 1],
            groups: 1,
        };
        self.add(name, op, &[x])
    }

    fn optional(&mut self, name: &str) -> Result<Option<ParameterId>> {
        match self.has(name) {
            true => self.parameter(name).map(Some),
            false => Ok(None),
        }
    }

    /// BatchNorm if the checkpoint has its statistics, else InstanceNorm, with γ and β if it has them.
    pub fn norm(&mut self, name: &str, x: NodeId) -> Result<NodeId> {
        let mean = format!("{name}.running_mean");
        if !self.has(&mean) {
            let op = GroupNorm {
                groups: NormGroups::Instance,
                scale: self.optional(&format!("{name}.weight"))?,
                shift: self.optional(&format!("{name}.bias"))?,
                epsilon: EPSILON,
            };
            return self.add(name, op, &[x]);
        }
        let mean = self.numbers(&mean, None)?;
        let channels = mean.len();
        let variance = self.numbers(&format!("{name}.running_var"), Some(channels))?;
        let learnt = |layers: &Self, part: &str, default: f32| {
            let name = format!("{name}.{part}");
            match layers.has(&name) {
                true => layers.numbers(&name, Some(channels)),
                false => Ok(vec![default; channels]),
            }
        };
        let (gamma, beta) = (learnt(self, "weight", 1.0)?, learnt(self, "bias", 0.0)?);
        let scale: Vec<f64> = gamma
            .iter()
            .zip(&variance)
            .map(|(gamma, variance)| f64::from(*gamma) / (f64::from(*variance) + f64::from(EPSILON)).sqrt())
            .collect();
        let shift = beta
            .iter()
            .zip(&mean)
            .zip(&scale)
            .map(|((beta, mean), scale)| (f64::from(*beta) - f64::from(*mean) * scale) as f32);
        let shift = shift.collect();
        let scale = scale.into_iter().map(|scale| scale as f32).collect();
        let op = Affine {
            scale: self
                .graph
                .add_parameter(format!("{name}.scale"), &[channels], scale)?,
            shift: self
                .graph
                .add_parameter(format!("{name}.shift"), &[channels], shift)?,
        };
        self.add(name, op, &[x])
    }

    /// ReLU, or LeakyReLU with a slope.
    pub fn activation(&mut self, name: &str, x: NodeId, slope: f32) -> Result<NodeId> {
        let slopes = Slopes::Same(slope);
        self.add(&format!("{name} activation"), Slope { slopes }, &[x])
    }

    /// PReLU.
    pub fn learnt_activation(&mut self, name: &str, x: NodeId) -> Result<NodeId> {
        let slopes = Slopes::Learnt(self.parameter(&format!("{name}.weight"))?);
        self.add(name, Slope { slopes }, &[x])
    }

    /// Max pooling.
    pub fn max_pool(
        &mut self,
        name: &str,
        x: NodeId,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Result<NodeId> {
        let op = MaxPool2d {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: Margins::same([padding; 2]),
            ceil: false,
        };
        self.add(name, op, &[x])
    }

    /// The mean over windows of a stride.
    pub fn average_pool(&mut self, name: &str, x: NodeId, stride: [usize; 2]) -> Result<NodeId> {
        let op = ops::AveragePool2d {
            kernel: stride,
            stride,
            padding: Margins::NONE,
            ceil: false,
            count_padding: true,
        };
        self.add(name, op, &[x])
    }

    /// Channels of both side by side.
    pub fn concat(&mut self, name: &str, parts: [NodeId; 2]) -> Result<NodeId> {
        self.add(name, Concat::CHANNELS, &parts)
    }

    /// Both added.
    pub fn sum(&mut self, name: &str, parts: [NodeId; 2]) -> Result<NodeId> {
        let op = ops::Arithmetic {
            operation: ops::Operation::Add,
        };
        self.add(name, op, &parts)
    }

    /// Any other operator without parameters.
    pub fn other(&mut self, name: &str, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId> {
        self.add(name, op, inputs)
    }
}

/// An extent of a tensor of a checkpoint.
///
/// # Errors
/// If it is not there.
pub(super) fn extent(tensors: &Checkpoint, name: &str, axis: usize) -> Result<usize> {
    match tensors.shape_of(name) {
        Some(shape) => shape.get(axis).copied().ok_or_else(|| {
            tensors.error(format!(
                "the tensor `{name}` has shape {shape:?}, and more axes are wanted"
            ))
        }),
        None => Err(tensors.error(format!("the tensor `{name}` is missing"))),
    }
}

/// How many names `of(0)`, `of(1)`, … are there in a row.
pub(super) fn count(tensors: &Checkpoint, of: impl Fn(usize) -> String) -> usize {
    (0..)
        .take_while(|&index| tensors.shape_of(&of(index)).is_some())
        .count()
}
