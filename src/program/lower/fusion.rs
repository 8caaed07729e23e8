//! Which nodes are computed by one call: a convolution with the per-channel affine and the slope activation
//! that follow it.

use super::Gradients;
use crate::graph::{Graph, NodeId, Op, Slopes};

/// For each node, what it is fused with.
#[derive(Debug)]
pub(super) struct Fusions {
    /// The first node of the group that a node ends; the node itself if it is alone.
    heads: Vec<NodeId>,
    /// Whether a node is fused into a later one.
    inner: Vec<bool>,
}

impl Fusions {
    /// Finds what can be fused. With an adjoint, an activation with a negative slope stands alone: its output's
    /// sign does not tell its input's, and fused it would keep no input. What has parameters to be trained
    /// stands alone too, since their gradients are sums over its input.
    pub(super) fn find(graph: &Graph, gradients: Gradients) -> Fusions {
        let trained = gradients == Gradients::Parameters;
        let nodes = graph.nodes();
        let mut uses = vec![0; nodes.len()];
        for input in nodes.iter().flat_map(|node| &node.inputs) {
            uses[input.0] += 1;
        }
        uses[graph.output().0] += 1;
        let mut fusions = Fusions {
            heads: (0..nodes.len()).map(NodeId).collect(),
            inner: vec![false; nodes.len()],
        };
        for (index, node) in nodes.iter().enumerate() {
            let Some(&input) = node.inputs.first() else {
                continue;
            };
            let head = fusions.heads[input.0];
            let after_convolution =
                matches!(nodes[head.0].op, Op::Conv2d { .. } | Op::ConvTranspose2d { .. });
            let fits = match node.op {
                Op::Affine { .. } => head == input && !trained,
                Op::Slope { slopes } => {
                    let activated = matches!(nodes[input.0].op, Op::Slope { .. });
                    let alone = match slopes {
                        Slopes::Same(slope) => slope < 0.0,
                        Slopes::Learnt(slopes) => {
                            trained || graph.data(slopes).iter().any(|&slope| slope < 0.0)
                        }
                    };
                    !(activated || gradients != Gradients::None && alone)
                }
                _ => false,
            };
            if after_convolution && fits && uses[input.0] == 1 {
                fusions.heads[index] = head;
                fusions.inner[input.0] = true;
            }
        }
        fusions
    }

    /// The first node of the group that `id` ends.
    pub(super) fn head(&self, id: NodeId) -> NodeId {
        self.heads[id.0]
    }

    /// Whether `id` is fused into a later node and has no values of its own.
    pub(super) fn is_inner(&self, id: NodeId) -> bool {
        self.inner[id.0]
    }

    /// The nodes of the group that `id` ends, first to last.
    pub(super) fn group(&self, graph: &Graph, id: NodeId) -> Vec<NodeId> {
        let mut group = vec![id];
        let mut current = id;
        while current != self.head(id) {
            current = graph.nodes()[current.0].inputs[0];
            group.push(current);
        }
        group.reverse();
        group
    }
}
