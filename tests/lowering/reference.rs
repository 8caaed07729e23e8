//! The meaning of a graph, straight from the definitions of its operators: plain loops, 64-bit floats, no
//! lowering, nothing in place.

use asma::Shape;
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
        let value = match inputs.first() {
            None => input.clone(),
            Some(first) => operator(graph, parameters, &node.op, first, &inputs, shape),
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
        Op::Add(_) => Values::from_fn(shape, |n, c, y, x| {
            first.at(n, c, y, x) + inputs[1].at(n, c, y, x)
        }),
        Op::Affine(ops::Affine { scale, shift }) => Values::from_fn(shape, |n, c, y, x| {
            per_channel(scale, c) * first.at(n, c, y, x) + per_channel(shift, c)
        }),
        Op::Softmax(_) => Values::from_fn(shape, |n, c, y, x| {
            let sum: f64 = (0..shape.c).map(|c| first.at(n, c, y, x).exp()).sum();
            first.at(n, c, y, x).exp() / sum
        }),
        Op::Elu(ops::Elu { alpha }) => Values::from_fn(shape, |n, c, y, x| match first.at(n, c, y, x) {
            value if value > 0.0 => value,
            value => f64::from(alpha) * value.exp_m1(),
        }),
        Op::Sigmoid(_) => Values::from_fn(shape, |n, c, y, x| 1.0 / (1.0 + (-first.at(n, c, y, x)).exp())),
    }
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
