//! The meaning of a graph, straight from the definitions of its operators: plain loops, 64-bit floats, no
//! lowering, nothing in place.

use asma::Shape;
use asma::graph::ops::{Function, NormGroups, Operation, Reduction};
use asma::graph::{
    BlockOrder, Coordinates, Graph, Op, PadMargins, PadMode, ParameterId, Resampling, ResizeSize, Rounding,
    Slopes, ops,
};

/// A dense tensor of 64-bit floats.
#[derive(Clone, Debug)]
pub struct Values {
    pub shape: Shape,
    pub data: Vec<f64>,
}

impl Values {
    fn from_fn(shape: Shape, value: impl Fn(usize, usize, usize, usize) -> f64) -> Values {
        let mut data = Vec::with_capacity(shape.elements());
        for n in 0..shape.n {
            for c in 0..shape.c {
                for y in 0..shape.h {
                    data.extend((0..shape.w).map(|x| value(n, c, y, x)));
                }
            }
        }
        Values { shape, data }
    }

    fn at(&self, n: usize, c: usize, y: usize, x: usize) -> f64 {
        let Shape {
            c: channels, h, w, ..
        } = self.shape;
        self.data[((n * channels + c) * h + y) * w + x]
    }

    /// Repeated along the axes on which it has a size of 1.
    fn repeated(&self, n: usize, c: usize, y: usize, x: usize) -> f64 {
        self.data[shape_index(self.shape, n, c, y, x)]
    }

    /// Of the only sample and channel where there is one.
    fn factor(&self, n: usize, c: usize, y: usize, x: usize) -> f64 {
        self.at(n.min(self.shape.n - 1), c.min(self.shape.c - 1), y, x)
    }

    /// 0 outside.
    fn padded(&self, n: usize, c: usize, y: isize, x: isize) -> f64 {
        let inside = (0..self.shape.h as isize).contains(&y) && (0..self.shape.w as isize).contains(&x);
        if inside {
            self.at(n, c, y as usize, x as usize)
        } else {
            0.0
        }
    }
}

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
    let shapes = graph.shapes(input.shape).unwrap();
    let mut values: Vec<Values> = Vec::new();
    for (node, &shape) in graph.nodes().iter().zip(&shapes) {
        let inputs: Vec<&Values> = node.inputs.iter().map(|id| &values[id.0]).collect();
        let value = match (&node.op, inputs.first()) {
            (Op::Constant(ops::Constant { values }), _) => Values {
                shape,
                data: parameters[values.0].clone(),
            },
            (_, None) => input.clone(),
            (_, Some(first)) => operator(graph, parameters, &node.op, first, &inputs, shape),
        };
        values.push(value);
    }
    values.swap_remove(graph.output().0)
}

fn operator(
    graph: &Graph,
    parameters: &[Vec<f64>],
    op: &Op,
    first: &Values,
    inputs: &[&Values],
    shape: Shape,
) -> Values {
    let extents = |id: ParameterId| &graph.parameters()[id.0].shape[..];
    let per_channel = |id: ParameterId, c: usize| {
        let data = &parameters[id.0];
        data[c.min(data.len() - 1)]
    };
    match *op {
        Op::Input(ops::Input { .. }) => first.clone(),
        Op::Conv2d(ops::Conv2d {
            weight,
            bias,
            stride,
            padding,
            dilation,
            groups,
        }) => {
            let &[outs, channels, rows, columns] = extents(weight) else {
                unreachable!()
            };
            let weight = &parameters[weight.0];
            Values::from_fn(shape, |n, out, y, x| {
                let mut sum = bias.map_or(0.0, |bias| per_channel(bias, out));
                for c in 0..channels {
                    for row in 0..rows {
                        for column in 0..columns {
                            let y = (y * stride[0] + row * dilation[0]) as isize - padding.top as isize;
                            let x = (x * stride[1] + column * dilation[1]) as isize - padding.left as isize;
                            let index = ((out * channels + c) * rows + row) * columns + column;
                            let group = out / (outs / groups);
                            sum += weight[index] * first.padded(n, group * channels + c, y, x);
                        }
                    }
                }
                sum
            })
        }
        Op::ConvTranspose2d(ops::ConvTranspose2d {
            weight,
            bias,
            stride,
            padding,
            dilation,
            groups,
            ..
        }) => {
            let &[channels, outs, rows, columns] = extents(weight) else {
                unreachable!()
            };
            let weight = &parameters[weight.0];
            let mut output = Values::from_fn(shape, |_, out, _, _| bias.map_or(0.0, |b| per_channel(b, out)));
            for n in 0..shape.n {
                for c in 0..channels {
                    for y in 0..first.shape.h {
                        for x in 0..first.shape.w {
                            for out in 0..outs {
                                for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c)))
                                {
                                    let to_y = (y * stride[0] + row * dilation[0]).wrapping_sub(padding.top);
                                    let to_x =
                                        (x * stride[1] + column * dilation[1]).wrapping_sub(padding.left);
                                    if to_y < shape.h && to_x < shape.w {
                                        let index = ((c * outs + out) * rows + row) * columns + column;
                                        let to = c / (channels / groups) * outs + out;
                                        let place = ((n * shape.c + to) * shape.h + to_y) * shape.w + to_x;
                                        output.data[place] += weight[index] * first.at(n, c, y, x);
                                    }
                                }
                            }
                        }
                    }
                }
            }
            output
        }
        Op::Slope(ops::Slope { slopes }) => Values::from_fn(shape, |n, c, y, x| {
            let slope = match slopes {
                Slopes::Same(slope) => slope as f64,
                Slopes::Learnt(id) => per_channel(id, c),
            };
            let value = first.at(n, c, y, x);
            if value > 0.0 { value } else { slope * value }
        }),
        Op::MaxPool2d(ops::MaxPool2d {
            kernel,
            stride,
            padding,
            ..
        }) => Values::from_fn(shape, |n, c, y, x| {
            let mut largest = f64::NEG_INFINITY;
            for row in 0..kernel[0] {
                for column in 0..kernel[1] {
                    let y = (y * stride[0] + row).wrapping_sub(padding.top);
                    let x = (x * stride[1] + column).wrapping_sub(padding.left);
                    if y < first.shape.h && x < first.shape.w {
                        largest = largest.max(first.at(n, c, y, x));
                    }
                }
            }
            largest
        }),
        Op::AveragePool2d(ops::AveragePool2d {
            kernel,
            stride,
            padding,
            count_padding,
            ..
        }) => Values::from_fn(shape, |n, c, y, x| {
            let (mut sum, mut count) = (0.0, 0);
            for row in 0..kernel[0] {
                for column in 0..kernel[1] {
                    let y = (y * stride[0] + row) as isize - padding.top as isize;
                    let x = (x * stride[1] + column) as isize - padding.left as isize;
                    sum += first.padded(n, c, y, x);
                    let within = |place: isize, before: usize, size: usize, after: usize| match count_padding
                    {
                        true => (-(before as isize)..(size + after) as isize).contains(&place),
                        false => (0..size as isize).contains(&place),
                    };
                    let rows = within(y, padding.top, first.shape.h, padding.bottom);
                    let columns = within(x, padding.left, first.shape.w, padding.right);
                    count += (rows && columns) as usize;
                }
            }
            sum / count as f64
        }),
        Op::Resize(ops::Resize { mode, size }) => {
            let scales = match size {
                ResizeSize::Scale(scales) => scales.map(f64::from),
                _ => [
                    shape.h as f64 / first.shape.h as f64,
                    shape.w as f64 / first.shape.w as f64,
                ],
            };
            Values::from_fn(shape, |n, c, y, x| {
                let rows = sources(mode, y, first.shape.h, shape.h, scales[0]);
                let columns = sources(mode, x, first.shape.w, shape.w, scales[1]);
                let mut sum = 0.0;
                for (y, wy) in rows {
                    for (x, wx) in columns {
                        sum += wy * wx * first.at(n, c, y, x);
                    }
                }
                sum
            })
        }
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
            match operation {
                Operation::Add => a + b,
                Operation::Subtract => a - b,
                Operation::Multiply => a * b,
                Operation::Divide => a / b,
                Operation::Maximum => a.max(b),
                Operation::Minimum => a.min(b),
            }
        }),
        Op::Reduce(ops::Reduce { function, .. }) => {
            let nothing = match function {
                Reduction::Max => f64::NEG_INFINITY,
                Reduction::Mean | Reduction::Sum => 0.0,
            };
            let mut output = Values::from_fn(shape, |_, _, _, _| nothing);
            for n in 0..first.shape.n {
                for c in 0..first.shape.c {
                    for y in 0..first.shape.h {
                        for x in 0..first.shape.w {
                            let value = first.at(n, c, y, x);
                            let result = &mut output.data[shape_index(shape, n, c, y, x)];
                            *result = match function {
                                Reduction::Max => result.max(value),
                                Reduction::Mean | Reduction::Sum => *result + value,
                            };
                        }
                    }
                }
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
                [scale, shift].map(|id| id.map(|id| &parameters[id.0][..])),
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
            [scale, shift].map(|id| id.map(|id| &parameters[id.0][..])),
            |n, c, y| vec![(n, c, y)],
            |_, x| x,
        ),
        Op::Affine(ops::Affine { scale, shift }) => Values::from_fn(shape, |n, c, y, x| {
            per_channel(scale, c) * first.at(n, c, y, x) + per_channel(shift, c)
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
            Values::from_fn(shape, |n, c, y, x| function(f, first.at(n, c, y, x)))
        }
    }
}

/// Where in a tensor of this shape a number stands that is repeated along the axes on which it has a size of 1.
fn shape_index(shape: Shape, n: usize, c: usize, y: usize, x: usize) -> usize {
    let (n, c) = (n.min(shape.n - 1), c.min(shape.c - 1));
    let (y, x) = (y.min(shape.h - 1), x.min(shape.w - 1));
    ((n * shape.c + c) * shape.h + y) * shape.w + x
}

/// The two source pixels of pixel `at`, of `from` resampled to `to` by `scale`, with their weights.
fn sources(mode: Resampling, at: usize, from: usize, to: usize, scale: f64) -> [(usize, f64); 2] {
    let last = from as f64 - 1.0;
    let coordinate = |coordinates: Coordinates| match coordinates {
        Coordinates::HalfPixel => (at as f64 + 0.5) / scale - 0.5,
        Coordinates::PytorchHalfPixel if to == 1 => 0.0,
        Coordinates::PytorchHalfPixel => (at as f64 + 0.5) / scale - 0.5,
        Coordinates::AlignCorners if to == 1 => 0.0,
        Coordinates::AlignCorners => at as f64 * last / (to as f64 - 1.0),
        Coordinates::Asymmetric => at as f64 / scale,
    };
    match mode {
        Resampling::Nearest(coordinates, rounding) => {
            // A quotient that is a whole number, or half-way between two, is off by some 1e-16.
            let coordinate = coordinate(coordinates);
            let coordinate = match (2.0 * coordinate).round() / 2.0 {
                near if (near - coordinate).abs() < 1e-9 => near,
                _ => coordinate,
            };
            let place = match rounding {
                Rounding::Floor => coordinate.floor(),
                Rounding::Ceil => coordinate.ceil(),
                Rounding::PreferFloor => (coordinate - 0.5).ceil(),
                Rounding::PreferCeil => (coordinate + 0.5).floor(),
            };
            [(place.clamp(0.0, last) as usize, 1.0), (0, 0.0)]
        }
        Resampling::Linear(coordinates) => {
            let position = coordinate(coordinates).clamp(0.0, last);
            let below = position.floor() as usize;
            let share = position - below as f64;
            [(below, 1.0 - share), ((below + 1).min(from - 1), share)]
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
                    let index = coefficient(c, x);
                    let (scale, shift) = (scale.map_or(1.0, |s| s[index]), shift.map_or(0.0, |s| s[index]));
                    result.data[shape_index(shape, n, c, y, x)] = normal * scale + shift;
                }
            }
        }
    }
    result
}

/// A function of one number.
fn function(function: Function, x: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    match function {
        Function::Clip { low, high } => x.clamp(low.into(), high.into()),
        Function::HardSigmoid { alpha, beta } => (f64::from(alpha) * x + f64::from(beta)).clamp(0.0, 1.0),
        Function::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        Function::Silu => x * sigmoid(x),
        Function::Gelu => 0.5 * x * (1.0 + error_function(x / 2f64.sqrt())),
        Function::GeluTanh => x * sigmoid((8.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))),
        Function::Tanh => x.tanh(),
        Function::Softplus => softplus(x),
        Function::Sigmoid => sigmoid(x),
        Function::Elu { .. } if x > 0.0 => x,
        Function::Elu { alpha } => f64::from(alpha) * x.exp_m1(),
        Function::Exp => x.exp(),
        Function::Sqrt => x.sqrt(),
        Function::Abs => x.abs(),
        Function::Reciprocal => 1.0 / x,
        Function::Negate => -x,
        Function::Power { exponent } => x.powf(exponent.into()),
        Function::Log => x.ln(),
        Function::Erf => error_function(x),
        Function::Mish => x * softplus(x).tanh(),
        Function::Softsign => x / (1.0 + x.abs()),
    }
}

/// `2/√π e^(−x²) Σ 2^k x^(2k+1) / (2k+1)!!`, whose terms all have one sign.
fn error_function(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for k in 1..200 {
        term *= 2.0 * x * x / (2 * k + 1) as f64;
        sum += term;
    }
    2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp() * sum
}
