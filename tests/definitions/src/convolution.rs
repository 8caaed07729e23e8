//! Convolutions and transposed ones from their definitions: plain loops over 64-bit floats.

use asma::Shape;
use asma::kernels::conv2d;

use crate::{index, places};

/// A convolution's or transposed convolution's sizes.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub input: Shape,
    pub output: Shape,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    /// Rows above, columns left.
    pub padding: [usize; 2],
    pub dilation: [usize; 2],
    pub groups: usize,
}

impl Geometry {
    /// Whether the kernels of each channel by itself compute it.
    pub fn is_depthwise(&self) -> bool {
        [self.input.c, self.output.c].contains(&self.groups)
    }

    /// Input and output exchanged.
    pub fn exchanged(self) -> Geometry {
        Geometry {
            input: self.output,
            output: self.input,
            ..self
        }
    }
}

/// `[in channels of a group][kernel rows][kernel columns][padded out channels]`.
#[derive(Clone)]
pub struct Weights {
    pub values: Vec<f32>,
    pub kernel: [usize; 2],
    pub padded: usize,
    /// In channels of a group.
    pub ins: usize,
}

impl Weights {
    /// `value` has in channel of a group, row, column and out channel; what pads the out channels is 0.
    pub fn new(
        ins: usize,
        kernel: [usize; 2],
        out_channels: usize,
        value: impl Fn([usize; 4]) -> f32,
    ) -> Weights {
        let padded = out_channels.next_multiple_of(conv2d::CHANNEL_BLOCK);
        let shape = Shape::new(ins, kernel[0], kernel[1], padded);
        let values = places(shape)
            .map(|place| {
                if place[3] < out_channels {
                    value(place)
                } else {
                    0.0
                }
            })
            .collect();
        Weights {
            values,
            kernel,
            padded,
            ins,
        }
    }

    /// From channel `i` to channel `o` of the same group.
    pub fn at(&self, i: usize, ky: usize, kx: usize, o: usize) -> f32 {
        let i = i % self.ins;
        self.values[((i * self.kernel[0] + ky) * self.kernel[1] + kx) * self.padded + o]
    }

    /// In and out channels exchanged, taps kept or turned by half a turn.
    pub fn exchanged(&self, geometry: &Geometry, flip: bool) -> Weights {
        let [rows, columns] = self.kernel;
        let [ins, outs] = [geometry.input.c, geometry.output.c].map(|channels| channels / geometry.groups);
        Weights::new(outs, self.kernel, geometry.input.c, |[i, ky, kx, o]| {
            let i = o / ins * outs + i;
            if flip {
                self.at(o, rows - 1 - ky, columns - 1 - kx, i)
            } else {
                self.at(o, ky, kx, i)
            }
        })
    }
}

/// The output in NCHW order: plain loops over `out[y, x] += w[ky, kx] · in[y·s + ky − p, x·s + kx − p]`.
pub fn convolve(g: &Geometry, weights: &Weights, input: &[f64]) -> Vec<f64> {
    let mut output = vec![0.0; g.output.elements()];
    for_each_term(g, g.output, g.input, |n, i, o, ky, kx, small, large| {
        output[index(g.output, [n, o, small.0, small.1])] +=
            weights.at(i, ky, kx, o) as f64 * input[index(g.input, [n, i, large.0, large.1])];
    });
    output
}

/// The output in NCHW order: plain loops over `out[y·s + ky − p, x·s + kx − p] += w[ky, kx] · in[y, x]`.
pub fn convolve_transposed(g: &Geometry, weights: &Weights, input: &[f64]) -> Vec<f64> {
    let mut output = vec![0.0; g.output.elements()];
    for_each_term(g, g.input, g.output, |n, i, o, ky, kx, small, large| {
        output[index(g.output, [n, o, large.0, large.1])] +=
            weights.at(i, ky, kx, o) as f64 * input[index(g.input, [n, i, small.0, small.1])];
    });
    output
}

/// Calls `term` with sample, in channel, out channel, tap, and the places in the strided and the full image
/// that the tap connects.
fn for_each_term(
    g: &Geometry,
    strided: Shape,
    full: Shape,
    mut term: impl FnMut(usize, usize, usize, usize, usize, (usize, usize), (usize, usize)),
) {
    for [n, i, y, x] in places(Shape {
        c: g.input.c,
        ..strided
    }) {
        for [_, o, ky, kx] in places(Shape::new(1, g.output.c, g.kernel[0], g.kernel[1])) {
            if i / (g.input.c / g.groups) != o / (g.output.c / g.groups) {
                continue;
            }
            let full_y = (y * g.stride[0] + ky * g.dilation[0]).checked_sub(g.padding[0]);
            let full_x = (x * g.stride[1] + kx * g.dilation[1]).checked_sub(g.padding[1]);
            if let (Some(full_y), Some(full_x)) = (full_y, full_x)
                && full_y < full.h
                && full_x < full.w
            {
                term(n, i, o, ky, kx, (y, x), (full_y, full_x));
            }
        }
    }
}
