//! Graphs of all operators, wired at random from a seed.

use asma::Shape;
use asma::graph::ops::{Function, NormGroups, Operation, Reduction};
use asma::graph::{
    BlockOrder, Coordinates, Graph, Margins, NodeId, Op, Operator, PadMargins, PadMode, ParameterId,
    Resampling, ResizeSize, Rounding, SliceSize, Slopes, ops,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Rows, columns and channels beyond which a node is not grown further.
const LARGE: usize = 20;

struct Growing {
    random: StdRng,
    graph: Graph,
    input: Shape,
}

/// A graph of about `layers` layers and an input shape that it takes.
pub fn random_graph(seed: u64, layers: usize) -> (Graph, Shape) {
    let mut random = StdRng::seed_from_u64(seed);
    let input = Shape::new(
        random.random_range(1..3),
        random.random_range(1..4),
        random.random_range(5..13),
        random.random_range(5..13),
    );
    let mut growing = Growing {
        random,
        graph: Graph::new(input.c),
        input,
    };
    while growing.graph.nodes().len() < layers {
        // What does not fit is not kept.
        let before = growing.graph.clone();
        growing.grow();
        if growing.graph.shapes(input).is_err() {
            growing.graph = before;
        }
    }
    (growing.graph, input)
}

impl Growing {
    fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn parameter(&mut self, shape: &[usize], scale: f32) -> ParameterId {
        let data = (0..shape.iter().product())
            .map(|_| scale * self.random.random_range(-1.0f32..1.0))
            .collect();
        self.graph.add_parameter("parameter", shape, data).unwrap()
    }

    fn shape(&self, id: NodeId) -> Shape {
        self.graph.shapes(self.input).unwrap()[id.0]
    }

    /// A node to go on from that depends on the input: often the last one, so that graphs get deep; else any, so that
    /// values are used repeatedly.
    fn source(&mut self) -> NodeId {
        let mut depending: Vec<usize> = vec![0];
        for (index, node) in self.graph.nodes().iter().enumerate() {
            if node.inputs.iter().any(|input| depending.contains(&input.0)) {
                depending.push(index);
            }
        }
        let last = depending[depending.len() - 1];
        match self.below(2) {
            0 => NodeId(last),
            _ => NodeId(self.pick(&depending)),
        }
    }

    fn add(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> NodeId {
        let op = op.into();
        let name = format!("{}{}", op.kind(), self.graph.nodes().len());
        self.graph.add(name, op, inputs).unwrap()
    }

    fn grow(&mut self) {
        let x = self.source();
        let shape = self.shape(x);
        match self.below(29) {
            0..=2 => {
                let y = self.convolution(x, shape);
                self.follow(y);
            }
            3 => {
                let y = self.transposed(x, shape);
                self.follow(y);
            }
            4 => self.slope(x, shape),
            5 => {
                let kernel = [self.pick(&[2, 3]), self.pick(&[1, 2, 3])];
                let op = ops::MaxPool2d {
                    kernel,
                    stride: [self.pick(&[1, 2]), self.pick(&[1, 2, 3])],
                    padding: self.margins(kernel),
                    ceil: self.below(2) == 0,
                };
                self.add(op, &[x]);
            }
            6 => {
                let mode = self.resampling();
                let small = shape.h.max(shape.w) < LARGE;
                let op = |size| ops::Resize { mode, size };
                match self.below(4) {
                    0 if small => {
                        let size = ResizeSize::Factor(self.pick(&[2, 3]));
                        self.add(op(size), &[x]);
                    }
                    1 if small => {
                        let scales = [0, 1].map(|_| self.pick(&[0.4, 0.7, 1.0, 1.5, 2.0]));
                        self.add(op(ResizeSize::Scale(scales)), &[x]);
                    }
                    2 => {
                        let size = [1 + self.below(LARGE), 1 + self.below(LARGE)];
                        self.add(op(ResizeSize::Exactly(size)), &[x]);
                    }
                    _ => {
                        let like = self.source();
                        self.add(op(ResizeSize::Like), &[x, like]);
                    }
                }
            }
            7..=9 => self.concat(x),
            10 => {
                let like = self.source();
                self.add(ops::Crop, &[x, like]);
            }
            11 => {
                let mode = self.pick(&[
                    PadMode::ZERO,
                    PadMode::Constant(0.7),
                    PadMode::Replicate,
                    PadMode::Reflect,
                ]);
                if self.below(2) == 0 {
                    let margins = PadMargins::Fixed(self.margins([3, 3]));
                    self.add(ops::Pad { mode, margins }, &[x]);
                } else {
                    let margins = self.pick(&[PadMargins::LikeCentred, PadMargins::LikeBottomRight]);
                    let like = self.source();
                    self.add(ops::Pad { mode, margins }, &[x, like]);
                }
            }
            12 | 13 => {
                // A residual: any node of the same shape, itself included.
                let shapes = self.graph.shapes(self.input).unwrap();
                let alike: Vec<usize> = (0..shapes.len()).filter(|&i| shapes[i] == shape).collect();
                let other = NodeId(self.pick(&alike));
                self.add(ops::Arithmetic::from(Operation::Add), &[x, other]);
            }
            14 => {
                self.affine(x, shape);
                if self.below(3) == 0 {
                    self.convolution(self.graph.output(), shape);
                }
            }
            15 => {
                let axis = self.pick(&[1, 1, 0, 2, 3]);
                self.add(ops::Softmax { axis }, &[x]);
            }
            21 => self.rearranged(x, shape),
            22 => self.product(x, shape),
            16 | 17 => self.pointwise(x),
            18 | 19 => self.arithmetic(x, shape),
            20 => self.norm(x, shape),
            23 => {
                let kernel = [self.pick(&[1, 2, 3]), self.pick(&[2, 3, 5])];
                let op = ops::AveragePool2d {
                    kernel,
                    stride: [self.pick(&[1, 2, 3]), self.pick(&[1, 2])],
                    padding: self.margins(kernel),
                    ceil: self.below(2) == 0,
                    count_padding: self.below(2) == 0,
                };
                self.add(op, &[x]);
            }
            24 => {
                let block = self.pick(&[2, 2, 3]);
                if shape.h.max(shape.w) < LARGE && shape.c.is_multiple_of(block * block) {
                    let order = self.pick(&[BlockOrder::DepthFirst, BlockOrder::ColumnFirst]);
                    self.add(ops::DepthToSpace { block, order }, &[x]);
                } else if shape.c <= 3 {
                    self.add(ops::SpaceToDepth { block }, &[x]);
                }
            }
            25 => self.slice(x, shape),
            26 => self.join(x, shape),
            _ => {
                self.reduce(x);
            }
        }
    }

    fn resampling(&mut self) -> Resampling {
        let coordinates = self.pick(&[
            Coordinates::HalfPixel,
            Coordinates::PytorchHalfPixel,
            Coordinates::AlignCorners,
            Coordinates::Asymmetric,
        ]);
        match self.below(2) {
            0 => Resampling::Linear(coordinates),
            _ => Resampling::Nearest(
                coordinates,
                self.pick(&[
                    Rounding::Floor,
                    Rounding::Ceil,
                    Rounding::PreferFloor,
                    Rounding::PreferCeil,
                ]),
            ),
        }
    }

    /// A window of some axes; often the others of it follow, as where a tensor is split.
    fn slice(&mut self, x: NodeId, shape: Shape) {
        let (mut begin, mut size) = ([0; 4], [SliceSize::Rest; 4]);
        for (axis, &length) in shape.sizes().iter().enumerate() {
            if self.below(2) == 0 {
                begin[axis] = self.below(length);
                let rest = length - begin[axis];
                size[axis] = match self.below(3) {
                    0 => SliceSize::Rest,
                    1 => SliceSize::Less(self.below(rest)),
                    _ => SliceSize::Exactly(1 + self.below(rest)),
                };
            }
        }
        self.add(ops::Slice { begin, size }, &[x]);
    }

    /// Joins nodes along another axis than that of channels: any that fit, some of them cut to do so.
    fn join(&mut self, x: NodeId, shape: Shape) {
        let axis = self.pick(&[0, 2, 3]);
        let shapes = self.graph.shapes(self.input).unwrap();
        let fits = |other: &Shape| {
            let (mut mine, mut others) = (shape.sizes(), other.sizes());
            (mine[axis], others[axis]) = (0, 0);
            mine == others
        };
        let alike: Vec<usize> = (0..shapes.len()).filter(|&i| fits(&shapes[i])).collect();
        let mut parts = vec![x];
        for _ in 0..self.below(3) {
            parts.push(NodeId(self.pick(&alike)));
        }
        if shape.sizes()[axis] > 1 && self.below(2) == 0 {
            let mut size = [SliceSize::Rest; 4];
            size[axis] = SliceSize::Less(1);
            let part = self.add(ops::Slice { begin: [0; 4], size }, &[x]);
            parts.push(part);
        }
        let length: usize = parts.iter().map(|part| self.shape(*part).sizes()[axis]).sum();
        if length <= LARGE {
            self.add(ops::Concat { axis }, &parts);
        }
    }

    fn rearranged(&mut self, x: NodeId, shape: Shape) {
        if self.below(2) == 0 {
            let mut axes = [0, 1, 2, 3];
            for last in (1..4).rev() {
                axes.swap(last, self.below(last + 1));
            }
            self.add(ops::Transpose { axes }, &[x]);
            return;
        }
        let Shape { n, c, h, w } = shape;
        let shape = self.pick(&[
            [1, 1, n * c, h * w],
            [n, 1, c, h * w],
            [n, h, w, c],
            [1, n, c * h, w],
            [w, c, n, h],
            [1, 1, 1, n * c * h * w],
        ]);
        let op = match self.below(3) {
            0 => ops::Reshape::exactly(shape),
            // The same sizes, said by where they come from.
            _ => {
                let rest = self.below(4);
                let sizes = [n, c, h, w];
                let extent = |axis: usize| match sizes.iter().position(|&size| size == shape[axis]) {
                    _ if axis == rest => ops::ReshapeExtent::Rest,
                    Some(own) => ops::ReshapeExtent::Same(own),
                    None => ops::ReshapeExtent::Exactly(shape[axis]),
                };
                ops::Reshape {
                    shape: [extent(0), extent(1), extent(2), extent(3)],
                }
            }
        };
        self.add(op, &[x]);
    }

    /// With a node of fitting sizes: itself, or a constant that may be used for all samples and channels.
    fn product(&mut self, x: NodeId, shape: Shape) {
        let transposed = [0; 2].map(|_| self.below(2) == 0);
        let first = self.below(2) == 0;
        if self.below(3) == 0 {
            // Of itself with itself, transposed.
            self.add(
                ops::MatMul {
                    transposed: [first, !first],
                },
                &[x, x],
            );
            return;
        }
        let own = transposed[usize::from(!first)];
        let [rows, columns] = if own {
            [shape.w, shape.h]
        } else {
            [shape.h, shape.w]
        };
        let (depth, other) = (if first { columns } else { rows }, self.pick(&[1, 3, 6]));
        let as_factor = if first { [depth, other] } else { [other, depth] };
        let [h, w] = match transposed[usize::from(first)] {
            true => [as_factor[1], as_factor[0]],
            false => as_factor,
        };
        let (n, c) = (self.pick(&[1, shape.n]), self.pick(&[1, shape.c]));
        let values = self.parameter(&[n, c, h, w], 1.0 / (depth as f32).sqrt());
        let constant = self.add(ops::Constant { values }, &[]);
        let inputs = if first { [x, constant] } else { [constant, x] };
        self.add(ops::MatMul { transposed }, &inputs);
    }

    fn norm(&mut self, x: NodeId, shape: Shape) {
        // Large, as differences of 32 bits' roundings are magnified where a deviation is small.
        let epsilon = 0.1;
        let learnt = |growing: &mut Growing, count| match growing.below(3) {
            0 => None,
            _ => Some(growing.parameter(&[count], 1.0)),
        };
        match self.below(3) {
            0 => {
                let op = ops::LayerNorm {
                    scale: learnt(self, shape.w),
                    shift: learnt(self, shape.w),
                    epsilon,
                };
                self.add(op, &[x]);
            }
            kind => {
                let groups = match kind {
                    1 => NormGroups::Instance,
                    _ => NormGroups::Groups(self.pick(&[1, 2, 3])),
                };
                let op = ops::GroupNorm {
                    groups,
                    scale: learnt(self, shape.c),
                    shift: learnt(self, shape.c),
                    epsilon,
                };
                let y = self.add(op, &[x]);
                self.follow(y);
            }
        }
    }

    /// With a node that is repeated or a constant, on either side.
    fn arithmetic(&mut self, x: NodeId, shape: Shape) {
        let other = match self.below(3) {
            0 => self.reduce(x),
            1 => {
                let mut size = |size| if self.random.random_bool(0.5) { 1 } else { size };
                let shape = [size(shape.n), size(shape.c), size(shape.h), size(shape.w)];
                let values = self.parameter(&shape, 1.0);
                let constant = self.add(ops::Constant { values }, &[]);
                // Also of what only constants are read by.
                match self.below(2) {
                    0 => constant,
                    _ => self.add(ops::Pointwise::from(Function::Silu), &[constant]),
                }
            }
            _ => self.source(),
        };
        let operation = self.pick(&[
            Operation::Add,
            Operation::Subtract,
            Operation::Multiply,
            Operation::Divide,
            Operation::Maximum,
            Operation::Minimum,
        ]);
        let other = match operation {
            // By what is at least ½ away from 0.
            Operation::Divide => {
                let above_zero = self.add(ops::Pointwise::from(Function::Sigmoid), &[other]);
                let values = self.parameter(&[1, 1, 1, 1], 0.2);
                let constant = self.add(ops::Constant { values }, &[]);
                let one = self.add(ops::Pointwise::from(Function::Exp), &[constant]);
                self.add(ops::Arithmetic::from(Operation::Add), &[above_zero, one])
            }
            _ => other,
        };
        let inputs = match self.below(2) == 0 && operation != Operation::Divide {
            true => [other, x],
            false => [x, other],
        };
        self.add(ops::Arithmetic { operation }, &inputs);
    }

    fn reduce(&mut self, x: NodeId) -> NodeId {
        let function = self.pick(&[Reduction::Mean, Reduction::Max, Reduction::Mean]);
        let axes = [0; 4].map(|_| self.below(2) == 0);
        self.add(ops::Reduce { function, axes }, &[x])
    }

    /// A function under which deep graphs stay within bounds.
    fn pointwise(&mut self, x: NodeId) {
        let function = self.pick(&[
            Function::Clip {
                low: -0.5,
                high: 0.75,
            },
            Function::HardSigmoid {
                alpha: 0.2,
                beta: 0.5,
            },
            Function::HardSwish,
            Function::Silu,
            Function::Gelu,
            Function::GeluTanh,
            Function::Tanh,
            Function::Softplus,
            Function::Sigmoid,
            Function::Elu { alpha: 0.5 },
            Function::Abs,
            Function::Negate,
            Function::Erf,
            Function::Mish,
            Function::Softsign,
        ]);
        self.add(ops::Pointwise { function }, &[x]);
    }

    /// What is often fused to a convolution.
    fn follow(&mut self, x: NodeId) {
        // The convolution may not have fitted.
        let Ok(shapes) = self.graph.shapes(self.input) else {
            return;
        };
        let shape = shapes[x.0];
        let mut x = x;
        if self.below(3) == 0 {
            self.affine(x, shape);
            x = self.graph.output();
        }
        if self.below(2) == 0 {
            self.slope(x, shape);
        }
    }

    /// Of fewer rows and columns than `end`: the same on both sides, or not.
    fn margins(&mut self, end: [usize; 2]) -> Margins {
        let [top, bottom, left, right] = [end[0], end[0], end[1], end[1]].map(|end| self.below(end));
        match self.below(2) {
            0 => Margins::same([top, left]),
            _ => Margins {
                top,
                bottom,
                left,
                right,
            },
        }
    }

    /// A number of groups that so many channels can be parted into: often 1, else perhaps one for each.
    fn groups(&mut self, channels: usize) -> usize {
        match self.below(3) {
            0 => channels,
            1 if channels.is_multiple_of(2) => 2,
            _ => 1,
        }
    }

    fn convolution(&mut self, x: NodeId, shape: Shape) -> NodeId {
        let kernel = [self.pick(&[1, 2, 3]), self.pick(&[1, 3, 3])];
        let groups = self.groups(shape.c);
        let out = match groups {
            1 => self.pick(&[1, 3, 5, 9]),
            _ => groups * self.pick(&[1, 1, 2]),
        };
        let ins = shape.c / groups;
        let scale = (3.0 / (ins * kernel[0] * kernel[1]) as f32).sqrt();
        let weight = self.parameter(&[out, ins, kernel[0], kernel[1]], scale);
        let bias = if self.below(2) == 0 {
            Some(self.parameter(&[out], 0.3))
        } else {
            None
        };
        let op = ops::Conv2d {
            weight,
            bias,
            stride: [self.pick(&[1, 1, 2]), self.pick(&[1, 1, 2])],
            padding: self.margins([3, 3]),
            dilation: [self.pick(&[1, 1, 2]), self.pick(&[1, 1, 3])],
            groups,
        };
        self.add(op, &[x])
    }

    fn transposed(&mut self, x: NodeId, shape: Shape) -> NodeId {
        let kernel = [self.pick(&[1, 2, 3]), self.pick(&[2, 3])];
        let most = if shape.h.max(shape.w) < LARGE / 2 { 3 } else { 2 };
        let stride = [1 + self.below(most), 1 + self.below(most)];
        let groups = self.groups(shape.c);
        let out = match groups {
            1 => self.pick(&[1, 4, 7]),
            _ => self.pick(&[1, 1, 2]),
        };
        let scale = (3.0 / (shape.c / groups) as f32).sqrt();
        let weight = self.parameter(&[shape.c, out, kernel[0], kernel[1]], scale);
        let bias = if self.below(2) == 0 {
            Some(self.parameter(&[out * groups], 0.3))
        } else {
            None
        };
        let op = ops::ConvTranspose2d {
            weight,
            bias,
            stride,
            padding: self.margins([2, 2]),
            output_padding: [self.below(stride[0]), self.below(stride[1])],
            dilation: [self.pick(&[1, 1, 2]), self.pick(&[1, 1, 3])],
            groups,
        };
        self.add(op, &[x])
    }

    fn slope(&mut self, x: NodeId, shape: Shape) {
        let slopes = match self.below(6) {
            0 | 1 => Slopes::Same(0.0),
            2 => Slopes::Same(0.2),
            3 => Slopes::Same(-0.3),
            // Of both signs.
            4 => Slopes::Learnt(self.parameter(&[shape.c], 0.5)),
            _ => Slopes::Learnt(self.parameter(&[1], 0.5)),
        };
        self.add(ops::Slope { slopes }, &[x]);
    }

    fn affine(&mut self, x: NodeId, shape: Shape) {
        let op = ops::Affine {
            scale: self.parameter(&[shape.c], 1.5),
            shift: self.parameter(&[shape.c], 0.5),
        };
        self.add(op, &[x]);
    }

    /// Joins up to three nodes, each cropped to the smallest of them where it is larger.
    fn concat(&mut self, x: NodeId) {
        let mut parts = vec![x];
        for _ in 0..self.below(3) {
            let part = if self.below(5) == 0 { x } else { self.source() };
            parts.push(part);
        }
        let pixels = |shape: Shape| (shape.h, shape.w);
        let smallest = *parts
            .iter()
            .min_by_key(|part| pixels(self.shape(**part)))
            .unwrap();
        if parts.iter().map(|part| self.shape(*part).c).sum::<usize>() > LARGE {
            return;
        }
        let wanted = pixels(self.shape(smallest));
        for part in &mut parts {
            let (h, w) = pixels(self.shape(*part));
            if h < wanted.0 || w < wanted.1 {
                return;
            }
            if (h, w) != wanted || self.below(8) == 0 {
                *part = self.add(ops::Crop, &[*part, smallest]);
            }
        }
        if self.below(2) == 0 {
            parts.reverse();
        }
        self.add(ops::Concat::CHANNELS, &parts);
    }
}
