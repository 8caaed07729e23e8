//! Shape inference: what each node of a graph gives at one input size.

use super::graph::{Graph, Node};
use super::ops::{Misfit, Op, Operator};
use crate::error::{Error, Result};
use crate::program::MOST_ELEMENTS;
use crate::tensor::Shape;

impl Graph {
    /// The shape of every node for an input of shape `input`.
    ///
    /// # Errors
    /// If the network cannot take this input, naming the first layer at which it fails.
    pub fn shapes(&self, input: Shape) -> Result<Vec<Shape>> {
        check_size("an input", input)?;
        let mut shapes: Vec<Shape> = Vec::with_capacity(self.nodes().len());
        for node in self.nodes() {
            let inputs: Vec<Shape> = match node.op {
                Op::Input(_) => vec![input],
                _ => node.inputs.iter().map(|id| shapes[id.0]).collect(),
            };
            let shape = node
                .op
                .shape(&inputs, self.parameters())
                .map_err(|misfit| match misfit {
                    Misfit::TooSmall => too_small(node, input),
                    Misfit::Other(problem) => Error::Network(match node.op {
                        Op::Input(_) => format!("the network {problem}"),
                        _ => format!("layer `{}` {problem}", node.name),
                    }),
                })?;
            if shape.elements() == 0 {
                return Err(too_small(node, input));
            }
            check_size(&format!("layer `{}`", node.name), shape)?;
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

    /// Channels of the output, which are the same at every size; nothing if the network takes none of the usual sizes.
    pub fn output_channels(&self) -> Option<usize> {
        let usual = [512, 572, 480, 1024, 64].map(|side| [side, side]);
        let sizes = match self.only_size() {
            Some(only) => vec![only],
            None => usual.to_vec(),
        };
        let shape = |[rows, columns]: [usize; 2]| Shape::new(1, self.input_channels(), rows, columns);
        let mut shapes = sizes.into_iter().map(|size| self.output_shape(shape(size)));
        shapes.find_map(|shape| shape.ok()).map(|shape| shape.c)
    }

    /// The only rows and columns that the input may have, if they are fixed.
    pub fn only_size(&self) -> Option<[usize; 2]> {
        match self.nodes().first().map(|node| &node.op) {
            Some(Op::Input(input)) => input.size,
            _ => None,
        }
    }

    /// The sizes nearest to `input`'s rows and columns that the network takes, at most one smaller and one
    /// larger, of the same aspect offset.
    pub fn nearest_sizes(&self, input: Shape) -> Vec<(usize, usize)> {
        if let Some([rows, columns]) = self.only_size() {
            return vec![(rows, columns)];
        }
        let fits = |h, w| self.shapes(Shape { h, w, ..input }).is_ok();
        let smaller = (1..input.h.min(input.w).min(MOST_TRIED)).find_map(|less| {
            let (h, w) = (input.h - less, input.w - less);
            fits(h, w).then_some((h, w))
        });
        let larger = (1..=MOST_TRIED).find_map(|more| {
            let (h, w) = (input.h.saturating_add(more), input.w.saturating_add(more));
            fits(h, w).then_some((h, w))
        });
        smaller.into_iter().chain(larger).collect()
    }
}

/// Sizes on either side that are tried before none is named.
const MOST_TRIED: usize = 4096;

/// What an input's sides may be at most: numbers of rows, columns, channels and samples that 32 bits count.
const MOST_SIDE: usize = u32::MAX as usize;

/// Refuses a tensor that shaders cannot count the elements of.
fn check_size(what: &str, shape: Shape) -> Result<()> {
    let sides = [shape.n, shape.c, shape.h, shape.w];
    let elements: Option<u64> = sides
        .iter()
        .try_fold(1u64, |product, &side| product.checked_mul(side as u64));
    match elements {
        Some(elements) if elements <= MOST_ELEMENTS && sides.iter().all(|&side| side <= MOST_SIDE) => Ok(()),
        _ => Err(Error::Network(format!(
            "{what} of shape {shape} has more than {MOST_ELEMENTS} elements, the most that shaders count; use a smaller \
             input or batch"
        ))),
    }
}

fn too_small(node: &Node, input: Shape) -> Error {
    Error::Network(format!(
        "an input of {}×{} (rows × columns) is too small: nothing is left of it at layer `{}`",
        input.h, input.w, node.name
    ))
}
