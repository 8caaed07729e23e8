//! Graphs of all operators, wired at random from a seed.

mod arrangement;
mod layers;

use asma::Shape;
use asma::graph::ops::{Function, Operation, Reduction};
use asma::graph::{
    BlockOrder, Coordinates, Graph, Margins, NodeId, Op, Operator, PadMargins, PadMode, ParameterId,
    Resampling, ResizeSize, Rounding, ops,
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
}
