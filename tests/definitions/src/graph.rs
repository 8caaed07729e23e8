//! The meaning of a graph, straight from the definitions of its operators: plain loops, 64-bit floats, no
//! lowering, nothing in place.

mod functions;
mod values;
mod windows;

use asma::Shape;
use asma::graph::ops::{NormGroups, Reduction};
use asma::graph::{BlockOrder, Graph, Op, PadMargins, PadMode, ParameterId, Slopes, ops};

use crate::{index, places};

pub use functions::arithmetic;
pub use values::Values;
use values::repeated_index;

/// The numbers of all parameters of `graph`.
pub fn parameters(graph: &Graph) -> Vec<Vec<f64>> {
    let numbers = graph.parameters().iter();
    numbers
        .map(|parameter| parameter.data.iter().map(|&v| v as f64).collect())
        .collect()
}

/// The output of `graph` for `input`.
pub fn evaluate(graph: &Graph, input: &Values) -> Values {
    evaluate_with(graph, &parameters(graph), input)
}

/// The output of `graph` for `input` with other numbers in its parameters.
pub fn evaluate_with(graph: &Graph, parameters: &[Vec<f64>], input: &Values) -> Values {
    let learnt = Learnt { graph, parameters };
    let shapes = graph.shapes(input.shape).unwrap();
    let mut values: Vec<Values> = Vec::new();
    for (node, &shape) in graph.nodes().iter().zip(&shapes) {
        let inputs: Vec<&Values> = node.inputs.iter().map(|id| &values[id.0]).collect();
        let value = match (&node.op, inputs.first()) {
            (Op::Constant(ops::Constant { values }), _) => Values {
                shape,
                data: learnt.numbers(*values).to_vec(),
            },
            (_, None) => input.clone(),
            (_, Some(first)) => operator(learnt, &node.op, first, &inputs, shape),
        };
        values.push(value);
    }
    values.swap_remove(graph.output().0)
}

/// The parameters of a graph, with numbers that need not be its own.
#[derive(Clone, Copy)]
struct Learnt<'a> {
    graph: &'a Graph,
    parameters: &'a [Vec<f64>],
}

impl<'a> Learnt<'a> {
    fn extents(self, id: ParameterId) -> &'a [usize] {
        &self.graph.parameters()[id.0].shape
    }

    fn numbers(self, id: ParameterId) -> &'a [f64] {
        &self.parameters[id.0]
    }

    /// That of channel `c`, or the only one.
    fn per_channel(self, id: ParameterId, c: usize) -> f64 {
        let numbers = self.numbers(id);
        numbers[c.min(numbers.len() - 1)]
    }
}

fn operator(learnt: Learnt, op: &Op, first: &Values, inputs: &[&Values], shape: Shape) -> Values {
    match *op {
        Op::Input(ops::Input { .. }) => first.clone(),
        Op::Conv2d(ref conv) => windows::conv2d(conv, learnt, first, shape),
        Op::ConvTranspose2d(ref conv) => windows::conv_transpose2d(conv, learnt, first, shape),
        Op::Slope(ops::Slope { slopes }) => Values::from_fn(shape, |n, c, y, x| {
            let slope = match slopes {
                Slopes::Same(slope) => slope as f64,
                Slopes::Learnt(id) => learnt.per_channel(id, c),
            };
            let value = first.at(n, c, y, x);
            if value > 0.0 { value } else { slope * value }
        }),
        Op::MaxPool2d(ref pool) => windows::max_pool2d(pool, first, shape),
        Op::AveragePool2d(ref pool) => windows::average_pool2d(pool, first, shape),
        Op::Resize(ref resize) => windows::resize(resize, first, shape),
        Op::DepthToSpace(ops::DepthToSpace { block, order }) => Values::from_fn(shape, |n, c, y, x| {
            let part = y % block * block + x % block;
            let channel = match order {
                BlockOrder::DepthFirst => part * shape.c + c,
                BlockOrder::ColumnFirst => c * block * block + part,
            };
            first.at(n, channel, y / block, x / block)
        }),
        Op::SpaceToDepth(ops::SpaceToDepth { block }) => Values::from_fn(shape, |n, channel, y, x| {
            let (part, c) = (channel / first.shape.c, channel % first.shape.c);
            first.at(n, c, y * block + part / block, x * block + part % block)
        }),
        Op::Slice(ops::Slice { begin, .. }) => Values::from_fn(shape, |n, c, y, x| {
            first.at(n + begin[0], c + begin[1], y + begin[2], x + begin[3])
        }),
        Op::Concat(ops::Concat { axis }) => Values::from_fn(shape, |n, c, y, x| {
            let mut place = [n, c, y, x];
            for input in inputs {
                let size = input.shape.sizes()[axis];
                if place[axis] < size {
                    let [n, c, y, x] = place;
                    return input.at(n, c, y, x);
                }
                place[axis] -= size;
            }
            unreachable!()
        }),
        Op::Crop(_) => {
            let (top, left) = ((first.shape.h - shape.h) / 2, (first.shape.w - shape.w) / 2);
            Values::from_fn(shape, |n, c, y, x| first.at(n, c, y + top, x + left))
        }
        Op::Pad(ops::Pad { mode, margins }) => {
            let (top, left) = match margins {
                PadMargins::Fixed(margins) => (margins.top, margins.left),
                PadMargins::LikeCentred => ((shape.h - first.shape.h) / 2, (shape.w - first.shape.w) / 2),
                PadMargins::LikeBottomRight => (0, 0),
            };
            Values::from_fn(shape, |n, c, y, x| {
                let (y, x) = (y as isize - top as isize, x as isize - left as isize);
                let mirrored = |place: isize, size: usize| {
                    let last = size as isize - 1;
                    (last - (last - place.abs()).abs()) as usize
                };
                let inside = first.padded(n, c, y, x);
                match mode {
                    PadMode::Constant(value) => match (y, x) {
                        _ if y < 0 || y >= first.shape.h as isize => f64::from(value),
                        _ if x < 0 || x >= first.shape.w as isize => f64::from(value),
                        _ => inside,
                    },
                    PadMode::Reflect => {
                        first.at(n, c, mirrored(y, first.shape.h), mirrored(x, first.shape.w))
                    }
                    PadMode::Replicate => first.at(
                        n,
                        c,
                        y.clamp(0, first.shape.h as isize - 1) as usize,
                        x.clamp(0, first.shape.w as isize - 1) as usize,
                    ),
                }
            })
        }
        Op::Arithmetic(ops::Arithmetic { operation }) => Values::from_fn(shape, |n, c, y, x| {
            let [a, b] = [first, inputs[1]].map(|factor| factor.repeated(n, c, y, x));
            arithmetic(operation, a, b)
        }),
        Op::Reduce(ops::Reduce { function, .. }) => {
            let nothing = match function {
                Reduction::Max => f64::NEG_INFINITY,
                Reduction::Mean | Reduction::Sum => 0.0,
            };
            let mut output = Values::from_fn(shape, |_, _, _, _| nothing);
            for (place, &value) in places(first.shape).zip(&first.data) {
                let result = &mut output.data[repeated_index(shape, place)];
                *result = match function {
                    Reduction::Max => result.max(value),
                    Reduction::Mean | Reduction::Sum => *result + value,
                };
            }
            if function == Reduction::Mean {
                let count = (first.shape.elements() / shape.elements()) as f64;
                output.data.iter_mut().for_each(|sum| *sum /= count);
            }
            output
        }
        Op::Constant(_) => unreachable!(),
        Op::GroupNorm(ops::GroupNorm {
            groups,
            scale,
            shift,
            epsilon,
        }) => {
            let groups = match groups {
                NormGroups::Groups(groups) => groups,
                NormGroups::Instance => shape.c,
            };
            let of_group = shape.c / groups;
            normalised(
                first,
                epsilon,
                [scale, shift].map(|id| id.map(|id| learnt.numbers(id))),
                |n, c, _| {
                    let channels = c / of_group * of_group..(c / of_group + 1) * of_group;
                    let planes = channels.flat_map(|c| (0..shape.h).map(move |y| (n, c, y)));
                    planes.collect()
                },
                |c, _| c,
            )
        }
        Op::LayerNorm(ops::LayerNorm {
            scale,
            shift,
            epsilon,
        }) => normalised(
            first,
            epsilon,
            [scale, shift].map(|id| id.map(|id| learnt.numbers(id))),
            |n, c, y| vec![(n, c, y)],
            |_, x| x,
        ),
        Op::Affine(ops::Affine { scale, shift }) => Values::from_fn(shape, |n, c, y, x| {
            learnt.per_channel(scale, c) * first.at(n, c, y, x) + learnt.per_channel(shift, c)
        }),
        Op::Softmax(ops::Softmax { axis }) => Values::from_fn(shape, |n, c, y, x| {
            let at = |[n, c, y, x]: [usize; 4]| first.at(n, c, y, x);
            let place = [n, c, y, x];
            let length = [shape.n, shape.c, shape.h, shape.w][axis];
            let others = (0..length).map(|k| {
                let mut other = place;
                other[axis] = k;
                (at(other) - at(place)).exp()
            });
            1.0 / others.sum::<f64>()
        }),
        Op::Reshape(_) => Values {
            shape,
            data: first.data.clone(),
        },
        Op::Transpose(ops::Transpose { axes }) => Values::from_fn(shape, |n, c, y, x| {
            let mut place = [0; 4];
            for (axis, index) in axes.into_iter().zip([n, c, y, x]) {
                place[axis] = index;
            }
            let [n, c, y, x] = place;
            first.at(n, c, y, x)
        }),
        Op::MatMul(ops::MatMul { transposed }) => {
            let factor = |index: usize, n, c, row, column| match transposed[index] {
                true => inputs[index].factor(n, c, column, row),
                false => inputs[index].factor(n, c, row, column),
            };
            let depth = if transposed[0] {
                first.shape.h
            } else {
                first.shape.w
            };
            Values::from_fn(shape, |n, c, y, x| {
                (0..depth)
                    .map(|k| factor(0, n, c, y, k) * factor(1, n, c, k, x))
                    .sum()
            })
        }
        Op::Pointwise(ops::Pointwise { function: f }) => {
            Values::from_fn(shape, |n, c, y, x| functions::value(f, first.at(n, c, y, x)))
        }
    }
}

/// Numbers less the mean of the rows that belong to theirs, over their deviation, scaled and shifted.
fn normalised(
    values: &Values,
    epsilon: f32,
    [scale, shift]: [Option<&[f64]>; 2],
    rows: impl Fn(usize, usize, usize) -> Vec<(usize, usize, usize)>,
    coefficient: impl Fn(usize, usize) -> usize,
) -> Values {
    let shape = values.shape;
    let mut result = values.clone();
    for n in 0..shape.n {
        for c in 0..shape.c {
            for y in 0..shape.h {
                let rows = rows(n, c, y);
                let all = || {
                    rows.iter()
                        .flat_map(|&(n, c, y)| (0..shape.w).map(move |x| values.at(n, c, y, x)))
                };
                let count = all().count() as f64;
                let mean = all().sum::<f64>() / count;
                let variance = all().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
                for x in 0..shape.w {
                    let normal = (values.at(n, c, y, x) - mean) / (variance + f64::from(epsilon)).sqrt();
                    let at = coefficient(c, x);
                    let (scale, shift) = (scale.map_or(1.0, |s| s[at]), shift.map_or(0.0, |s| s[at]));
                    result.data[index(shape, [n, c, y, x])] = normal * scale + shift;
                }
            }
        }
    }
    result
}
