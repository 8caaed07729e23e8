//! Operators that look at a window of their input, and those that resample it.

use asma::Shape;
use asma::graph::{Coordinates, Resampling, ResizeSize, Rounding, ops};

use super::Learnt;
use super::values::Values;
use crate::index;

/// Each output of a channel is the sum of the taps over the channels of its group, beyond the edges of 0.
pub fn conv2d(operator: &ops::Conv2d, learnt: Learnt, input: &Values, shape: Shape) -> Values {
    let &ops::Conv2d {
        weight,
        bias,
        stride,
        padding,
        dilation,
        groups,
    } = operator;
    let &[outs, channels, rows, columns] = learnt.extents(weight) else {
        unreachable!()
    };
    let weight = learnt.numbers(weight);
    Values::from_fn(shape, |n, out, y, x| {
        let mut sum = bias.map_or(0.0, |bias| learnt.per_channel(bias, out));
        for c in 0..channels {
            for row in 0..rows {
                for column in 0..columns {
                    let y = (y * stride[0] + row * dilation[0]) as isize - padding.top as isize;
                    let x = (x * stride[1] + column * dilation[1]) as isize - padding.left as isize;
                    let tap = ((out * channels + c) * rows + row) * columns + column;
                    let group = out / (outs / groups);
                    sum += weight[tap] * input.padded(n, group * channels + c, y, x);
                }
            }
        }
        sum
    })
}

/// Each input is spread by the taps over the channels of its group; what lands outside is lost.
pub fn conv_transpose2d(
    operator: &ops::ConvTranspose2d,
    learnt: Learnt,
    input: &Values,
    shape: Shape,
) -> Values {
    let &ops::ConvTranspose2d {
        weight,
        bias,
        stride,
        padding,
        dilation,
        groups,
        ..
    } = operator;
    let &[channels, outs, rows, columns] = learnt.extents(weight) else {
        unreachable!()
    };
    let weight = learnt.numbers(weight);
    let mut output = Values::from_fn(shape, |_, out, _, _| {
        bias.map_or(0.0, |b| learnt.per_channel(b, out))
    });
    for n in 0..shape.n {
        for c in 0..channels {
            for y in 0..input.shape.h {
                for x in 0..input.shape.w {
                    for out in 0..outs {
                        for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                            let to_y = (y * stride[0] + row * dilation[0]).wrapping_sub(padding.top);
                            let to_x = (x * stride[1] + column * dilation[1]).wrapping_sub(padding.left);
                            if to_y < shape.h && to_x < shape.w {
                                let tap = ((c * outs + out) * rows + row) * columns + column;
                                let channel = c / (channels / groups) * outs + out;
                                let to = index(shape, [n, channel, to_y, to_x]);
                                output.data[to] += weight[tap] * input.at(n, c, y, x);
                            }
                        }
                    }
                }
            }
        }
    }
    output
}

/// The largest number that lies inside.
pub fn max_pool2d(operator: &ops::MaxPool2d, input: &Values, shape: Shape) -> Values {
    let &ops::MaxPool2d {
        kernel,
        stride,
        padding,
        ..
    } = operator;
    Values::from_fn(shape, |n, c, y, x| {
        let mut largest = f64::NEG_INFINITY;
        for row in 0..kernel[0] {
            for column in 0..kernel[1] {
                let y = (y * stride[0] + row).wrapping_sub(padding.top);
                let x = (x * stride[1] + column).wrapping_sub(padding.left);
                if y < input.shape.h && x < input.shape.w {
                    largest = largest.max(input.at(n, c, y, x));
                }
            }
        }
        largest
    })
}

/// The mean of what lies inside, or of that and of the border of 0.
pub fn average_pool2d(operator: &ops::AveragePool2d, input: &Values, shape: Shape) -> Values {
    let &ops::AveragePool2d {
        kernel,
        stride,
        padding,
        count_padding,
        ..
    } = operator;
    Values::from_fn(shape, |n, c, y, x| {
        let (mut sum, mut count) = (0.0, 0);
        for row in 0..kernel[0] {
            for column in 0..kernel[1] {
                let y = (y * stride[0] + row) as isize - padding.top as isize;
                let x = (x * stride[1] + column) as isize - padding.left as isize;
                sum += input.padded(n, c, y, x);
                let within = |place: isize, before: usize, size: usize, after: usize| match count_padding {
                    true => (-(before as isize)..(size + after) as isize).contains(&place),
                    false => (0..size as isize).contains(&place),
                };
                let rows = within(y, padding.top, input.shape.h, padding.bottom);
                let columns = within(x, padding.left, input.shape.w, padding.right);
                count += (rows && columns) as usize;
            }
        }
        sum / count as f64
    })
}

/// Weighted sums of up to two rows and columns.
pub fn resize(operator: &ops::Resize, input: &Values, shape: Shape) -> Values {
    let &ops::Resize { mode, size } = operator;
    let scales = match size {
        ResizeSize::Scale(scales) => scales.map(f64::from),
        _ => [
            shape.h as f64 / input.shape.h as f64,
            shape.w as f64 / input.shape.w as f64,
        ],
    };
    Values::from_fn(shape, |n, c, y, x| {
        let rows = sources(mode, y, input.shape.h, shape.h, scales[0]);
        let columns = sources(mode, x, input.shape.w, shape.w, scales[1]);
        let mut sum = 0.0;
        for (y, wy) in rows {
            for (x, wx) in columns {
                sum += wy * wx * input.at(n, c, y, x);
            }
        }
        sum
    })
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
