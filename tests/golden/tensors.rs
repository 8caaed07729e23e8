//! The network `Tensors` of `networks.py`: operators between tensors, norms, attention and functions of single numbers.

use asma::checkpoint::Checkpoint;
use asma::graph::ops::{self, Function, NormGroups, Operation, Reduction};
use asma::graph::{Graph, Margins, NodeId, Op, Operator, ParameterId, Slopes};
use asma::{Result, Shape};

/// The network with the weights of `checkpoint`, for inputs of shape `input`.
pub fn graph(checkpoint: &Checkpoint, input: Shape) -> Result<Graph> {
    let mut build = Builder {
        graph: Graph::new(3),
        checkpoint,
    };
    let excited = build.gates()?;
    let normed = build.conv("conv", excited, 2, 1)?;
    let normed = build.norm("instance", NormGroups::Instance, normed)?;
    let normed = build.slope(0.01, normed)?;
    let [n, c, h, w] = [input.n, 8, input.h.div_ceil(2), input.w.div_ceil(2)];

    // [n, c, h, w] to [1, n, tokens, c].
    let tokens = build.add(ops::Reshape::exactly([1, n, c, h * w]), &[normed])?;
    let swapped = ops::Transpose { axes: [0, 1, 3, 2] };
    let tokens = build.add(swapped, &[tokens])?;
    let attended = build.attention(tokens, [n, h * w, c])?;
    let tokens = build.binary(Operation::Add, tokens, attended)?;
    let wide = build.layer_norm("layer_2", tokens)?;
    let wide = build.linear("wide", wide)?;
    let wide = build.function(Function::Gelu, wide)?;
    let narrow = build.linear("narrow", wide)?;
    let tokens = build.binary(Operation::Add, tokens, narrow)?;
    let tokens = build.add(swapped, &[tokens])?;
    let one = build.add(ops::Reshape::exactly([n, c, h, w]), &[tokens])?;

    let functions = build.functions(one)?;
    let joined = build.add(ops::Concat::CHANNELS, &functions)?;
    build.conv("head", joined, 1, 0)?;
    Ok(build.graph)
}

struct Builder<'c> {
    graph: Graph,
    checkpoint: &'c Checkpoint,
}

impl Builder<'_> {
    fn add(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId> {
        let op = op.into();
        let name = format!("{} {}", op.kind(), self.graph.nodes().len());
        self.graph.add(name, op, inputs)
    }

    fn parameter(&mut self, name: &str) -> Result<ParameterId> {
        let tensor = self.checkpoint.tensor(name)?;
        self.graph.add_parameter(name, &tensor.shape, tensor.data)
    }

    fn constant(&mut self, name: &str) -> Result<NodeId> {
        let values = self.parameter(name)?;
        self.add(ops::Constant { values }, &[])
    }

    fn number(&mut self, value: f32) -> Result<NodeId> {
        let values = self.graph.add_parameter("number", &[1, 1, 1, 1], vec![value])?;
        self.add(ops::Constant { values }, &[])
    }

    fn function(&mut self, function: Function, x: NodeId) -> Result<NodeId> {
        self.add(ops::Pointwise { function }, &[x])
    }

    fn binary(&mut self, operation: Operation, left: NodeId, right: NodeId) -> Result<NodeId> {
        self.add(ops::Arithmetic { operation }, &[left, right])
    }

    fn plus(&mut self, x: NodeId, value: f32) -> Result<NodeId> {
        let value = self.number(value)?;
        self.binary(Operation::Add, x, value)
    }

    fn conv(&mut self, name: &str, x: NodeId, stride: usize, padding: usize) -> Result<NodeId> {
        let op = ops::Conv2d {
            weight: self.parameter(&format!("{name}.weight"))?,
            bias: Some(self.parameter(&format!("{name}.bias"))?),
            stride: [stride; 2],
            padding: Margins::same([padding; 2]),
            dilation: [1, 1],
            groups: 1,
        };
        self.add(op, &[x])
    }

    fn slope(&mut self, slope: f32, x: NodeId) -> Result<NodeId> {
        let slopes = Slopes::Same(slope);
        self.add(ops::Slope { slopes }, &[x])
    }

    fn norm(&mut self, name: &str, groups: NormGroups, x: NodeId) -> Result<NodeId> {
        let op = ops::GroupNorm {
            groups,
            scale: Some(self.parameter(&format!("{name}.scale"))?),
            shift: Some(self.parameter(&format!("{name}.shift"))?),
            epsilon: 1e-3,
        };
        self.add(op, &[x])
    }

    fn layer_norm(&mut self, name: &str, x: NodeId) -> Result<NodeId> {
        let op = ops::LayerNorm {
            scale: Some(self.parameter(&format!("{name}.scale"))?),
            shift: Some(self.parameter(&format!("{name}.shift"))?),
            epsilon: 1e-3,
        };
        self.add(op, &[x])
    }

    fn product(&mut self, left: NodeId, right: NodeId, transposed: [bool; 2]) -> Result<NodeId> {
        self.add(ops::MatMul { transposed }, &[left, right])
    }

    fn linear(&mut self, name: &str, x: NodeId) -> Result<NodeId> {
        let matrix = self.constant(&format!("{name}.matrix"))?;
        let row = self.constant(&format!("{name}.row"))?;
        let x = self.product(x, matrix, [false; 2])?;
        self.binary(Operation::Add, x, row)
    }

    fn reduce(&mut self, function: Reduction, axes: [bool; 4], x: NodeId) -> Result<NodeId> {
        self.add(ops::Reduce { function, axes }, &[x])
    }

    /// The stem, and gates of its channels and of its pixels.
    fn gates(&mut self) -> Result<NodeId> {
        let (mean, std) = (self.constant("mean")?, self.constant("std")?);
        let image = self.binary(Operation::Subtract, self.graph.input(), mean)?;
        let image = self.binary(Operation::Divide, image, std)?;
        let stem = self.conv("stem", image, 1, 1)?;
        let stem = self.norm("group", NormGroups::Groups(4), stem)?;
        let stem = self.function(Function::Silu, stem)?;

        let gate = self.reduce(Reduction::Mean, [false, false, true, true], stem)?;
        let gate = self.conv("squeeze", gate, 1, 0)?;
        let gate = self.slope(0.0, gate)?;
        let gate = self.conv("excite", gate, 1, 0)?;
        let hard_sigmoid = Function::HardSigmoid {
            alpha: 1.0 / 6.0,
            beta: 0.5,
        };
        let gate = self.function(hard_sigmoid, gate)?;
        let excited = self.binary(Operation::Multiply, stem, gate)?;

        let channels = [false, true, false, false];
        let mean = self.reduce(Reduction::Mean, channels, excited)?;
        let max = self.reduce(Reduction::Max, channels, excited)?;
        let spatial = self.add(ops::Concat::CHANNELS, &[mean, max])?;
        let spatial = self.conv("spatial", spatial, 1, 1)?;
        let spatial = self.function(Function::Sigmoid, spatial)?;
        self.binary(Operation::Multiply, spatial, excited)
    }

    /// Attention of tokens, of [1, n, tokens, c], to one another.
    fn attention(&mut self, tokens: NodeId, [n, count, c]: [usize; 3]) -> Result<NodeId> {
        const HEADS: usize = 2;
        let normed = self.layer_norm("layer_1", tokens)?;
        let mut parts = Vec::new();
        for name in ["query", "key", "value"] {
            let x = self.linear(name, normed)?;
            let shape = [n, count, HEADS, c / HEADS];
            let x = self.add(ops::Reshape::exactly(shape), &[x])?;
            parts.push(self.add(ops::Transpose { axes: [0, 2, 1, 3] }, &[x])?);
        }
        let scores = self.product(parts[0], parts[1], [false, true])?;
        let scale = self.number(((c / HEADS) as f32).sqrt().recip())?;
        let scores = self.binary(Operation::Multiply, scores, scale)?;
        let attention = self.add(ops::Softmax { axis: 3 }, &[scores])?;
        let x = self.product(attention, parts[2], [false; 2])?;
        let x = self.add(ops::Transpose { axes: [0, 2, 1, 3] }, &[x])?;
        let shape = [1, n, count, c];
        let x = self.add(ops::Reshape::exactly(shape), &[x])?;
        self.linear("out", x)
    }

    /// Functions of single numbers, in sums so that each goes on by itself.
    fn functions(&mut self, one: NodeId) -> Result<Vec<NodeId>> {
        let positive = self.function(Function::Softplus, one)?;
        let half_more = self.plus(positive, 0.5)?;
        let one_more = self.plus(positive, 1.0)?;
        let sums = self.reduce(Reduction::Sum, [true, false, true, false], one)?;
        let gate = self.function(Function::Sigmoid, sums)?;
        let gate = self.plus(gate, 0.5)?;

        let clip = Function::Clip { low: -1.0, high: 1.0 };
        let [clipped, swish] = [
            self.function(clip, one)?,
            self.function(Function::HardSwish, one)?,
        ];
        let first = self.binary(Operation::Add, clipped, swish)?;

        let [gelu, tanh] = [
            self.function(Function::GeluTanh, one)?,
            self.function(Function::Tanh, one)?,
        ];
        let second = self.binary(Operation::Subtract, gelu, tanh)?;

        let [abs, elu] = [
            self.function(Function::Abs, one)?,
            self.function(Function::Elu { alpha: 0.5 }, one)?,
        ];
        let largest = self.binary(Operation::Maximum, positive, abs)?;
        let smallest = self.binary(Operation::Minimum, one, elu)?;
        let third = self.binary(Operation::Add, largest, smallest)?;

        let negative = self.function(Function::Negate, positive)?;
        let exp = self.function(Function::Exp, negative)?;
        let sqrt = self.function(Function::Sqrt, half_more)?;
        let erf = self.function(Function::Erf, one)?;
        let fourth = self.binary(Operation::Add, exp, sqrt)?;
        let fourth = self.binary(Operation::Add, fourth, erf)?;

        let log = self.function(Function::Log, half_more)?;
        let power = self.function(Function::Power { exponent: -1.5 }, half_more)?;
        let product = self.binary(Operation::Multiply, log, power)?;
        let mish = self.function(Function::Mish, one)?;
        let quotient = self.binary(Operation::Divide, mish, gate)?;
        let fifth = self.binary(Operation::Add, product, quotient)?;

        let reciprocal = self.function(Function::Reciprocal, one_more)?;
        let sixth = self.function(Function::Power { exponent: 2.0 }, reciprocal)?;
        Ok(vec![first, second, third, fourth, fifth, sixth])
    }
}
