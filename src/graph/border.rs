//! The same network for images of other sizes: a border around its input, and its output cut back.

use super::graph::{Graph, Node, NodeId};
use super::ops::{Crop, Pad, PadMargins, PadMode};

impl Graph {
    /// The network behind a border of repeated edge pixels around its input. With `cut_back`, its output is cut
    /// to the centre of as many rows and columns as the input has.
    pub fn with_border(&self, margins: PadMargins, cut_back: bool) -> Graph {
        let mut nodes = Vec::with_capacity(self.nodes.len() + 2);
        nodes.push(self.nodes[0].clone());
        nodes.push(Node {
            name: "border".into(),
            op: Pad {
                mode: PadMode::Replicate,
                margins,
            }
            .into(),
            inputs: vec![self.input()],
        });
        // What read the input reads the border around it, and all others stand one place further back.
        let behind = |node: &Node| Node {
            inputs: node.inputs.iter().map(|input| NodeId(input.0 + 1)).collect(),
            ..node.clone()
        };
        nodes.extend(self.nodes.iter().skip(1).map(behind));
        let mut output = NodeId(self.output.0 + 1);
        if cut_back {
            nodes.push(Node {
                name: "cut back".into(),
                op: Crop.into(),
                inputs: vec![output, self.input()],
            });
            output = NodeId(nodes.len() - 1);
        }
        Graph {
            nodes,
            parameters: self.parameters.clone(),
            output,
        }
    }
}
