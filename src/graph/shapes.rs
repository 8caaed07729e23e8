//! Shape inference: what each node of a graph gives at one input size.

use super::{Graph, Node, Op, PadMargins, ParameterId, Slopes, UpsampleSize};
use crate::error::{Error, Result};
use crate::tensor::Shape;

impl Graph {
    /// The shape of every node for an input of shape `input`.
    ///
    /// # Errors
    /// If the network cannot take this input, naming the first layer at which it fails.
    pub fn shapes(&self, input: Shape) -> Result<Vec<Shape>> {
        let mut shapes: Vec<Shape> = Vec::with_capacity(self.nodes().len());
        for node in self.nodes() {
            let inputs: Vec<Shape> = node.inputs.iter().map(|id| shapes[id.0]).collect();
            let shape = self.infer(node, &inputs, input)?;
            if shape.elements() == 0 {
                return Err(too_small(node, input));
            }
            shapes.push(shape);
        }
        Ok(shapes)
    }

    /// The shape of the output for an input of shape `input`.
    ///
    /// # Errors
    /// As [`Graph::shapes`].
    pub fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(self.shapes(input)?[self.output().0])
    }

    /// The sizes nearest to `input`'s rows and columns that the network takes, at most one smaller and one
    /// larger, of the same aspect offset.
    pub fn nearest_sizes(&self, input: Shape) -> Vec<(usize, usize)> {
        let fits = |h, w| self.shapes(Shape { h, w, ..input }).is_ok();
        let smaller = (1..input.h.min(input.w)).find_map(|less| {
            let (h, w) = (input.h - less, input.w - less);
            fits(h, w).then_some((h, w))
        });
        let larger = (1..=4096).find_map(|more| {
            let (h, w) = (input.h + more, input.w + more);
            fits(h, w).then_some((h, w))
        });
        smaller.into_iter().chain(larger).collect()
    }

    fn infer(&self, node: &Node, inputs: &[Shape], graph_input: Shape) -> Result<Shape> {
        let per_channel = |id: ParameterId, channels: usize| {
            let found = self.shape_of(id)[0];
            (found == channels).then_some(()).ok_or_else(|| {
                Error::Network(format!(
                    "layer `{}` has {found} numbers per channel in `{}`, but its input has {channels} channels",
                    node.name,
                    self.parameters()[id.0].name
                ))
            })
        };
        let first = inputs.first().copied().unwrap_or(graph_input);
        let like = inputs.get(1).copied().unwrap_or(first);
        let channels_match = |weight: usize| {
            (weight == first.c).then_some(()).ok_or_else(|| {
                Error::Network(format!(
                    "layer `{}` has weights for {weight} input channels, but is given {}",
                    node.name, first.c
                ))
            })
        };
        let shape = match &node.op {
            Op::Input { channels } => {
                if graph_input.c != *channels {
                    return Err(Error::Network(format!(
                        "the network takes {channels} channels, but the input has {}",
                        graph_input.c
                    )));
                }
                graph_input
            }
            Op::Conv2d {
                weight,
                bias,
                stride,
                padding,
            } => {
                let &[out, channels, rows, columns] = self.shape_of(*weight) else {
                    return Err(misshapen(node));
                };
                channels_match(channels)?;
                if let Some(bias) = bias {
                    per_channel(*bias, out)?;
                }
                let h = windows(first.h, rows, stride[0], padding[0]);
                let w = windows(first.w, columns, stride[1], padding[1]);
                sized(node, graph_input, Shape { c: out, ..first }, h, w)?
            }
            Op::ConvTranspose2d {
                weight,
                bias,
                stride,
                padding,
                output_padding,
            } => {
                let &[channels, out, rows, columns] = self.shape_of(*weight) else {
                    return Err(misshapen(node));
                };
                channels_match(channels)?;
                if let Some(bias) = bias {
                    per_channel(*bias, out)?;
                }
                let extent = |size: usize, kernel: usize, i: usize| {
                    ((size - 1) * stride[i] + kernel + output_padding[i]).checked_sub(2 * padding[i])
                };
                let (h, w) = (extent(first.h, rows, 0), extent(first.w, columns, 1));
                sized(node, graph_input, Shape { c: out, ..first }, h, w)?
            }
            Op::Slope { slopes } => {
                if let Slopes::Learnt(slopes) = slopes
                    && self.shape_of(*slopes) != [1]
                {
                    per_channel(*slopes, first.c)?;
                }
                first
            }
            Op::MaxPool2d {
                kernel,
                stride,
                padding,
            } => {
                let h = windows(first.h, kernel[0], stride[0], padding[0]);
                let w = windows(first.w, kernel[1], stride[1], padding[1]);
                sized(node, graph_input, first, h, w)?
            }
            Op::Upsample { size, .. } => match size {
                UpsampleSize::Factor(factor) => Shape {
                    h: first.h * factor,
                    w: first.w * factor,
                    ..first
                },
                UpsampleSize::Like => Shape {
                    h: like.h,
                    w: like.w,
                    ..first
                },
            },
            Op::Concat => {
                if let Some(other) = inputs
                    .iter()
                    .find(|s| (s.n, s.h, s.w) != (first.n, first.h, first.w))
                {
                    return Err(Error::Network(format!(
                        "layer `{}` joins {first} and {other}, whose sizes differ",
                        node.name
                    )));
                }
                Shape {
                    c: inputs.iter().map(|s| s.c).sum(),
                    ..first
                }
            }
            Op::Crop => {
                if like.h > first.h || like.w > first.w {
                    return Err(Error::Network(format!(
                        "layer `{}` would crop {first} to the larger {like}",
                        node.name
                    )));
                }
                Shape {
                    h: like.h,
                    w: like.w,
                    ..first
                }
            }
            Op::Pad { margins, .. } => match *margins {
                PadMargins::Fixed {
                    top,
                    bottom,
                    left,
                    right,
                } => Shape {
                    h: first.h + top + bottom,
                    w: first.w + left + right,
                    ..first
                },
                PadMargins::LikeCentred | PadMargins::LikeBottomRight => {
                    if like.h < first.h || like.w < first.w {
                        return Err(Error::Network(format!(
                            "layer `{}` would pad {first} to the smaller {like}",
                            node.name
                        )));
                    }
                    Shape {
                        h: like.h,
                        w: like.w,
                        ..first
                    }
                }
            },
            Op::Add => {
                if like != first {
                    return Err(Error::Network(format!(
                        "layer `{}` adds {first} and {like}, whose shapes differ",
                        node.name
                    )));
                }
                first
            }
            Op::Affine { scale, shift } => {
                per_channel(*scale, first.c)?;
                per_channel(*shift, first.c)?;
                first
            }
            Op::Softmax | Op::Sigmoid => first,
        };
        Ok(shape)
    }
}

/// How many windows fit, `None` if not one.
fn windows(size: usize, kernel: usize, stride: usize, padding: usize) -> Option<usize> {
    Some((size + 2 * padding).checked_sub(kernel)? / stride + 1)
}

fn sized(node: &Node, graph_input: Shape, shape: Shape, h: Option<usize>, w: Option<usize>) -> Result<Shape> {
    match (h, w) {
        (Some(h), Some(w)) => Ok(Shape { h, w, ..shape }),
        _ => Err(too_small(node, graph_input)),
    }
}

fn too_small(node: &Node, graph_input: Shape) -> Error {
    Error::Network(format!(
        "an input of {}×{} (rows × columns) is too small: nothing is left of it at layer `{}`",
        graph_input.h, graph_input.w, node.name
    ))
}

fn misshapen(node: &Node) -> Error {
    Error::Network(format!("layer `{}` has no weight of four dimensions", node.name))
}
