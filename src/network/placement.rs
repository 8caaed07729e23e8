//! Where each node's values lie. Most fill a buffer of their own. A crop or slice is a window of what it cuts. The
//! parts of a concatenation of channels are written next to each other from the start, each into its channels of one
//! buffer, and a part that the concatenation sees only the centre of stands there whole: the concatenation
//! is then a window of that buffer, and neither it nor the crop costs a copy.

use std::collections::HashMap;

use super::options::{Gradients, LoweringOptions};
use crate::graph::ops::{Concat, Op};
use crate::graph::{Graph, NodeId};
use crate::kernels::View;
use crate::program::{Builder, Place};
use crate::tensor::Shape;

/// How the concatenations came about.
#[derive(Debug, Default)]
pub(super) struct Joins {
    /// For each concatenation, for each of its inputs, whether it stands in place.
    in_place: HashMap<NodeId, Vec<bool>>,
}

impl Joins {
    /// Whether input `index` of concatenation `id` stands in place, so that it need not be copied.
    pub(super) fn is_in_place(&self, id: NodeId, index: usize) -> bool {
        self.in_place
            .get(&id)
            .is_some_and(|inputs| inputs.get(index) == Some(&true))
    }

    /// The regions that the values of `id` consist of or lie in: a crop or slice lies in what it cuts, and a
    /// concatenation of channels consists of the parts that stand in place and of the parts copied into it.
    pub(super) fn regions(&self, graph: &Graph, id: NodeId) -> Vec<Region> {
        let (base, cut) = uncut(graph, id);
        let copied_part = |index| Region {
            node: base,
            part: Some(index),
            partly: cut,
        };
        match graph.nodes()[base.0].op {
            Op::Concat(Concat::CHANNELS) => (0..graph.nodes()[base.0].inputs.len())
                .map(|index| {
                    if !self.is_in_place(base, index) {
                        return copied_part(index);
                    }
                    let (node, part_cut) = uncut(graph, graph.nodes()[base.0].inputs[index]);
                    Region {
                        node,
                        part: None,
                        partly: cut || part_cut,
                    }
                })
                .collect(),
            _ => vec![Region {
                node: base,
                part: None,
                partly: cut,
            }],
        }
    }
}

/// Memory that belongs to one node's values, and that values of other nodes may lie in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    /// The node.
    pub(super) node: NodeId,
    /// Of a concatenation, the input whose copy this is; all of the node's values if `None`.
    pub(super) part: Option<usize>,
    /// Whether there may be more of it than the values in question.
    pub(super) partly: bool,
}

/// The node that `id` is a crop or slice of, through any number of them, and whether there was any.
pub(super) fn uncut(graph: &Graph, mut id: NodeId) -> (NodeId, bool) {
    let mut cut = false;
    while let Op::Crop(_) | Op::Slice(_) = graph.nodes()[id.0].op {
        id = graph.nodes()[id.0].inputs[0];
        cut = true;
    }
    (id, cut)
}

/// Whether a slice is among the crops and slices that `id` ends.
fn is_sliced(graph: &Graph, mut id: NodeId) -> bool {
    while let Op::Crop(_) = graph.nodes()[id.0].op {
        id = graph.nodes()[id.0].inputs[0];
    }
    matches!(graph.nodes()[id.0].op, Op::Slice(_))
}

/// What a node reads, and what the nodes read that may be computed by the same call: before a scale and shift or an
/// activation, a convolution.
fn read_by_one_call(graph: &Graph, id: NodeId) -> Vec<NodeId> {
    let mut all = Vec::new();
    let mut node = &graph.nodes()[id.0];
    loop {
        all.extend(&node.inputs);
        match (&node.op, node.inputs.first()) {
            (Op::Affine(_) | Op::Slope(_), Some(input)) => node = &graph.nodes()[input.0],
            _ => return all,
        }
    }
}

/// Rows above and columns left that the crops which `id` ends cut off together. Of an odd rest each crop
/// cuts the larger half below and right, so that several cut otherwise than one.
fn crop_offset(graph: &Graph, shapes: &[Shape], mut id: NodeId) -> (usize, usize) {
    let (mut top, mut left) = (0, 0);
    while let Op::Crop(_) = graph.nodes()[id.0].op {
        let base = graph.nodes()[id.0].inputs[0];
        top += (shapes[base.0].h - shapes[id.0].h) / 2;
        left += (shapes[base.0].w - shapes[id.0].w) / 2;
        id = base;
    }
    (top, left)
}

/// The place of every node.
pub(super) fn place_all(
    graph: &Graph,
    shapes: &[Shape],
    options: LoweringOptions,
    program: &mut Builder,
) -> (Vec<Place>, Joins) {
    let mut places: Vec<Option<Place>> = vec![None; shapes.len()];
    let mut joins = Joins::default();
    for (index, node) in graph.nodes().iter().enumerate() {
        if matches!(node.op, Op::Concat(Concat::CHANNELS)) {
            join(
                graph,
                shapes,
                options,
                program,
                &mut places,
                &mut joins,
                NodeId(index),
            );
        }
    }
    let mut all: Vec<Place> = Vec::with_capacity(places.len());
    for ((node, place), &shape) in graph.nodes().iter().zip(places).zip(shapes) {
        all.push(match (place, &node.op) {
            (Some(place), _) => place,
            (None, Op::Crop(_)) => {
                let base = all[node.inputs[0].0];
                let (top, left) = ((base.shape.h - shape.h) / 2, (base.shape.w - shape.w) / 2);
                Place {
                    view: base.view.window(0, top, left),
                    shape,
                    ..base
                }
            }
            (None, Op::Slice(slice)) => {
                let base = all[node.inputs[0].0];
                Place {
                    view: base.view.beginning(slice.begin),
                    shape,
                    ..base
                }
            }
            (None, Op::Constant(constant)) if options.gradients != Gradients::Parameters => {
                let values = graph.data(constant.values).to_vec();
                Place {
                    buffer: program.add_constant(node.name.clone(), values),
                    view: View::dense(shape),
                    shape,
                }
            }
            _ => program.add_tensor(node.name.clone(), shape),
        });
    }
    (all, joins)
}

/// Places the parts of one concatenation next to each other where that can be.
#[allow(clippy::too_many_arguments)]
fn join(
    graph: &Graph,
    shapes: &[Shape],
    options: LoweringOptions,
    program: &mut Builder,
    places: &mut [Option<Place>],
    joins: &mut Joins,
    id: NodeId,
) {
    let inputs = &graph.nodes()[id.0].inputs;
    let joined = shapes[id.0];
    let bases: Vec<(NodeId, bool)> = inputs.iter().map(|&input| uncut(graph, input)).collect();
    let mut in_place: Vec<bool> = bases
        .iter()
        .enumerate()
        .map(|(index, (base, _))| {
            let once = bases.iter().filter(|(other, _)| other == base).count() == 1;
            let movable = !matches!(
                graph.nodes()[base.0].op,
                Op::Input(_) | Op::Constant(_) | Op::Concat(Concat::CHANNELS)
            ) && !is_sliced(graph, inputs[index]);
            let unplaced = places[base.0].is_none() && *base != graph.output();
            // Of several parts that are cropped only the first one stands whole.
            let first_cropped = !bases[..index].iter().any(|(_, cropped)| *cropped);
            let cropped = bases[index].1;
            // A call must not read the buffer that it writes.
            let feeds_another = bases.iter().any(|(other, _)| {
                other != base
                    && read_by_one_call(graph, *other)
                        .iter()
                        .any(|input| uncut(graph, *input).0 == *base)
            });
            once && movable && unplaced && (!cropped || first_cropped) && !feeds_another
        })
        .collect();
    let whole = |in_place: &[bool]| {
        bases
            .iter()
            .zip(in_place)
            .find(|((_, cropped), in_place)| *cropped && **in_place)
            .map_or(joined, |((base, _), _)| Shape {
                c: joined.c,
                ..shapes[base.0]
            })
    };
    if 4 * whole(&in_place).elements() as u64 > options.preferred_largest_buffer {
        for (in_place, (_, cropped)) in in_place.iter_mut().zip(&bases) {
            *in_place &= !cropped;
        }
    }
    let whole = whole(&in_place);
    let name = graph.nodes()[id.0].name.clone();
    let buffer = program.add_buffer(name, whole.elements());
    let view = View::dense(whole);
    // Where the part that stands whole is seen through; the others stand as they are.
    let (top, left) = inputs
        .iter()
        .zip(&bases)
        .zip(&in_place)
        .find(|((_, (_, cropped)), in_place)| *cropped && **in_place)
        .map_or((0, 0), |((input, _), _)| crop_offset(graph, shapes, *input));
    places[id.0] = Some(Place {
        buffer,
        view: view.window(0, top, left),
        shape: joined,
    });
    let mut channel = 0;
    for (index, &(base, cropped)) in bases.iter().enumerate() {
        if in_place[index] {
            let view = if cropped {
                view.window(channel, 0, 0)
            } else {
                view.window(channel, top, left)
            };
            places[base.0] = Some(Place {
                buffer,
                view,
                shape: shapes[base.0],
            });
        }
        channel += shapes[inputs[index].0].c;
    }
    joins.in_place.insert(id, in_place);
}
