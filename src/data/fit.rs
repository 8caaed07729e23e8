//! Whether a network takes images of a size, and what is done where it wants a multiple of something: the image
//! gets a border, and the output is cut back.

use std::str::FromStr;

use super::decode::LONGEST_SIDE;
use crate::error::{Error, Result};
use crate::graph::ops::{Conv2d, MaxPool2d};
use crate::graph::{Graph, Margins, Op, PadMargins};
use crate::tensor::Shape;

/// What is done with an image of a size that a network does not take as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It gets a border, and the output is cut back.
    Pad,
    /// It is scaled to the nearest size that the network takes, and so are masks.
    Resize,
    /// Nothing: the network gets it as it is, whatever rows it drops on the way, or it is refused.
    None,
}

impl FromStr for Fit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "pad" => Ok(Fit::Pad),
            "resize" => Ok(Fit::Resize),
            "none" => Ok(Fit::None),
            other => Err(Error::Usage(format!(
                "there is no way `{other}` to fit images to a network; want pad or resize, or none to give them as they are"
            ))),
        }
    }
}

/// A network that takes images of one size as they are.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The network, with a border around its input where it needs one.
    pub graph: Graph,
    /// The shape of its output.
    pub output: Shape,
    /// Rows and columns that the border adds.
    pub added: [usize; 2],
}

/// Fits a network to images of shape `input`. A network that halves its input several times and would drop rows or
/// columns on the way gets the few that are missing, by repeating the edge, half of them on each side; if its output
/// is as large as its input, it is cut back to the size of the image, so that each output pixel lies over its input
/// pixel.
///
/// # Errors
/// If the network cannot take this size, naming the nearest sizes that it takes.
pub fn fit(graph: &Graph, input: Shape) -> Result<Fitted> {
    let step = strides(graph);
    let wanted =
        |side: usize| (side..side.saturating_add(step)).find(|&side| drops_nothing(graph, input, side));
    let output = graph.output_shape(input);
    let same = |output: Shape| (output.h, output.w) == (input.h, input.w);
    if let Ok(output) = output
        && same(output)
    {
        return Ok(as_it_is(graph, output));
    }
    let (Some(height), Some(width)) = (wanted(input.h), wanted(input.w)) else {
        // A size that it takes although it drops something at every size near it.
        return unfitted(graph, input);
    };
    let added = [height - input.h, width - input.w];
    if added == [0, 0] {
        return unfitted(graph, input);
    }
    let bordered = graph.output_shape(Shape {
        h: height,
        w: width,
        ..input
    })?;
    let cut_back = (bordered.h, bordered.w) == (height, width);
    // The output is cut, or taken to lie, in the centre; an odd row goes where the centre is rounded to.
    let before = |added: usize| if cut_back { added / 2 } else { added.div_ceil(2) };
    let [top, left] = added.map(before);
    let margins = PadMargins::Fixed(Margins {
        top,
        bottom: added[0] - top,
        left,
        right: added[1] - left,
    });
    let graph = graph.with_border(margins, cut_back);
    let output = graph.output_shape(input)?;
    Ok(Fitted { graph, output, added })
}

/// A network for images of shape `input` as it is, without a border.
///
/// # Errors
/// If it cannot take this size, naming the nearest sizes that it takes.
pub(super) fn unfitted(graph: &Graph, input: Shape) -> Result<Fitted> {
    graph
        .output_shape(input)
        .map(|output| as_it_is(graph, output))
        .map_err(|error| with_nearest(graph, input, error))
}

/// The rows and columns nearest to an image's at which a network drops nothing: the image's own where its output is as
/// large as its input, and the only ones where it takes no others.
///
/// # Errors
/// If there are none near it.
pub fn nearest_size(graph: &Graph, input: Shape) -> Result<[usize; 2]> {
    if let Some(only) = graph.only_size() {
        return Ok(only);
    }
    let output = graph.output_shape(input);
    if output
        .as_ref()
        .is_ok_and(|output| (output.h, output.w) == (input.h, input.w))
    {
        return Ok([input.h, input.w]);
    }
    let step = strides(graph);
    let nearest = |side: usize| {
        let near = (0..step).flat_map(|away| [side.checked_add(away), side.checked_sub(away)]);
        near.flatten()
            .filter(|side| (1..=LONGEST_SIDE).contains(side))
            .find(|&side| drops_nothing(graph, input, side))
    };
    if let (Some(h), Some(w)) = (nearest(input.h), nearest(input.w))
        && graph.output_shape(Shape { h, w, ..input }).is_ok()
    {
        return Ok([h, w]);
    }
    // Sizes that it takes although it drops something at them.
    let taken = graph.nearest_sizes(input);
    match (
        output,
        taken.into_iter().min_by_key(|size| size.0.abs_diff(input.h)),
    ) {
        (Ok(_), _) => Ok([input.h, input.w]),
        (Err(_), Some((h, w))) => Ok([h, w]),
        (Err(error), None) => Err(error),
    }
}

fn as_it_is(graph: &Graph, output: Shape) -> Fitted {
    Fitted {
        graph: graph.clone(),
        output,
        added: [0, 0],
    }
}

/// The product of all strides: as many sizes in a row hold one at which nothing is dropped.
fn strides(graph: &Graph) -> usize {
    let strides = graph.nodes().iter().map(|node| match node.op {
        Op::MaxPool2d(MaxPool2d { stride, .. }) | Op::Conv2d(Conv2d { stride, .. }) => {
            stride[0].max(stride[1]).max(1)
        }
        _ => 1,
    });
    strides.fold(1usize, usize::saturating_mul).min(LONGEST_SIDE)
}

/// Whether no layer leaves a row over, and none is cut by an odd number of rows, on an input of this height; its
/// width is as large, as the axes do not matter to one another.
fn drops_nothing(graph: &Graph, input: Shape, side: usize) -> bool {
    let Ok(shapes) = graph.shapes(Shape {
        h: side,
        w: side,
        ..input
    }) else {
        return false;
    };
    graph.nodes().iter().zip(&shapes).all(|(node, shape)| {
        let from = node
            .inputs
            .first()
            .and_then(|id| shapes.get(id.0))
            .copied()
            .unwrap_or(*shape);
        match &node.op {
            Op::MaxPool2d(MaxPool2d {
                kernel,
                stride,
                padding,
                ceil,
            }) => *ceil || leaves_nothing(from, *kernel, *stride, *padding),
            Op::Conv2d(Conv2d {
                weight,
                stride,
                padding,
                dilation,
                ..
            }) => {
                let shape = graph
                    .parameters()
                    .get(weight.0)
                    .map(|weight| weight.shape.as_slice());
                match shape {
                    Some(&[_, _, rows, columns]) => {
                        let reach =
                            [(rows, 0), (columns, 1)].map(|(taps, axis)| (taps - 1) * dilation[axis] + 1);
                        leaves_nothing(from, reach, *stride, *padding)
                    }
                    _ => true,
                }
            }
            Op::Crop(_) => (from.h - shape.h).is_multiple_of(2) && (from.w - shape.w).is_multiple_of(2),
            _ => true,
        }
    })
}

fn leaves_nothing(from: Shape, kernel: [usize; 2], stride: [usize; 2], padding: Margins) -> bool {
    let margins = [padding.top + padding.bottom, padding.left + padding.right];
    [from.h, from.w].iter().enumerate().all(|(axis, &size)| {
        let room = (size + margins[axis]).checked_sub(kernel[axis]);
        room.is_some_and(|room| room.is_multiple_of(stride[axis].max(1)))
    })
}

/// The refusal with the nearest sizes that the network takes and that an image may have.
fn with_nearest(graph: &Graph, input: Shape, error: Error) -> Error {
    let nearest: Vec<_> = graph
        .nearest_sizes(input)
        .iter()
        .filter(|(height, width)| (*height).max(*width) <= LONGEST_SIDE)
        .map(|(height, width)| format!("{width}x{height}"))
        .collect();
    if let Some([height, width]) = graph.only_size() {
        return Error::Usage(format!(
            "the network takes images of {width}×{height} pixels (columns × rows) alone, and this one has {}×{}; say \
             `fit=resize`, or see `resize`, `crop` and `pad`",
            input.w, input.h
        ));
    }
    match nearest.is_empty() {
        true => error,
        false => Error::Usage(format!(
            "{error}; the nearest sizes (WIDTHxHEIGHT) it takes: {}; use `fit=resize`, `resize`, `crop` or `pad`",
            nearest.join(", ")
        )),
    }
}
