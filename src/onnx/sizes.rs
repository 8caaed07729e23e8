//! Sizes that follow from the input's, as operators can say them.

use super::host::{Extents, Number, PROBES, sides};
use crate::graph::NodeId;
use crate::graph::ops::{Op, Reshape, ReshapeExtent};
use crate::tensor::Shape;

/// The node whose rows and columns the file says these numbers are.
pub(super) fn node_taken_from(nodes: &[[Shape; PROBES]], wanted: &[Number; 2]) -> Option<NodeId> {
    match wanted.map(|number| number.origin) {
        [Some((rows, 2)), Some((columns, 3))] if rows == columns && fits(nodes, rows, wanted) => Some(rows),
        _ => None,
    }
}

/// Whether a node has so many rows and columns at every size looked at.
fn fits(nodes: &[[Shape; PROBES]], id: NodeId, wanted: &[Number; 2]) -> bool {
    let shapes = nodes[id.0];
    (0..PROBES).all(|probe| {
        wanted[0].at[probe] == shapes[probe].h as f64 && wanted[1].at[probe] == shapes[probe].w as f64
    })
}

/// The node whose rows and columns these numbers are: the one that the file took them from, or one that has as many at
/// every size looked at. Nothing if they do not depend on the input's size.
pub(super) fn node_of_size(nodes: &[[Shape; PROBES]], wanted: &[Number; 2]) -> Option<NodeId> {
    if let Some(node) = node_taken_from(nodes, wanted) {
        return Some(node);
    }
    if wanted.iter().all(|number| number.fixed().is_some()) {
        return None;
    }
    // The input first: what has its size at all sizes looked at is meant to have it at all others.
    let newest_first = (1..nodes.len()).rev();
    std::iter::once(0)
        .chain(newest_first)
        .map(NodeId)
        .find(|&id| fits(nodes, id, wanted))
}

/// What gives a node's elements these shapes.
pub(super) fn reshape(
    nodes: &[[Shape; PROBES]],
    node: NodeId,
    wanted: [Shape; PROBES],
) -> Result<(Op, Vec<NodeId>), String> {
    let along = |shapes: [Shape; PROBES], axis: usize| -> Extents { shapes.map(|shape| sides(shape)[axis]) };
    let from = nodes[node.0];
    let fixed = |extents: Extents| extents.iter().all(|extent| *extent == extents[0]);
    let found: [Option<ReshapeExtent>; 4] = std::array::from_fn(|axis| {
        let extents = along(wanted, axis);
        if fixed(extents) {
            return Some(ReshapeExtent::Exactly(extents[0]));
        }
        let nearest = [axis, 0, 1, 2, 3];
        let same = nearest.into_iter().find(|&other| along(from, other) == extents);
        same.map(ReshapeExtent::Same)
    });
    let open = |found: &[Option<ReshapeExtent>; 4]| found.iter().filter(|extent| extent.is_none()).count();
    let rest = |found: [Option<ReshapeExtent>; 4]| found.map(|extent| extent.unwrap_or(ReshapeExtent::Rest));
    if open(&found) <= 1 {
        let shape = rest(found);
        return Ok((Reshape { shape }.into(), vec![node]));
    }
    // One of two is an extent of another node, such as the input's samples, and the other one is what is left.
    if open(&found) == 2 {
        for axis in (0..4).filter(|&axis| found[axis].is_none()) {
            let extents = along(wanted, axis);
            let mut places = (0..nodes.len())
                .map(NodeId)
                .flat_map(|id| (0..4).map(move |other| (id, other)));
            if let Some((like, other)) = places.find(|&(id, other)| along(nodes[id.0], other) == extents) {
                let mut found = found;
                found[axis] = Some(ReshapeExtent::Other(other));
                let shape = rest(found);
                return Ok((Reshape { shape }.into(), vec![node, like]));
            }
        }
    }
    let numbers = [2, 3].map(|axis| Number {
        at: along(wanted, axis).map(|extent| extent as f64),
        origin: None,
    });
    let like = node_of_size(nodes, &numbers);
    match (found, like) {
        ([Some(samples), Some(channels), _, _], Some(like)) => {
            let shape = [
                samples,
                channels,
                ReshapeExtent::Other(2),
                ReshapeExtent::Other(3),
            ];
            Ok((Reshape { shape }.into(), vec![node, like]))
        }
        _ => Err("changes extents in a way that follows from the input's size and is not supported".into()),
    }
}
