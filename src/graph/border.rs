//! The same network for images of other sizes: a border around its input, and its output cut back.

use super::graph::{Graph, Node, NodeId};
use super::ops::{Crop, Op, Pad, PadMargins, PadMode};

impl Graph {
    /// The network behind a border of repeated edge pixels around its input. With `cut_back`, its output is cut
    /// to the centre of as many rows and columns as the input has.
    pub fn with_border(&self, margins: PadMargins, cut_back: bool) -> Graph {
        let border = Pad {
            mode: PadMode::Replicate,
            margins,
        };
        let mut graph = self.with_first_layer("border", border);
        if cut_back {
            graph.nodes.push(Node {
                name: "cut back".into(),
                op: Crop.into(),
                inputs: vec![graph.output, graph.input()],
            });
            graph.output = NodeId(graph.nodes.len() - 1);
        }
        graph
    }

    /// The network with a layer more between its input and all that reads it. Every other node moves one place back.
    pub(crate) fn with_first_layer(&self, name: &str, op: impl Into<Op>) -> Graph {
        let mut nodes = Vec::with_capacity(self.nodes.len() + 1);
        nodes.push(self.nodes[0].clone());
        nodes.push(Node {
            name: name.into(),
            op: op.into(),
            inputs: vec![self.input()],
        });
        // What read the input reads the layer behind it.
        let behind = |node: &Node| Node {
            inputs: node.inputs.iter().map(|input| NodeId(input.0 + 1)).collect(),
            ..node.clone()
        };
        nodes.extend(self.nodes.iter().skip(1).map(behind));
        Graph {
            nodes,
            parameters: self.parameters.clone(),
            output: NodeId(self.output.0 + 1),
        }
    }

    /// The network with an input of another number of channels: its first layer must take them.
    pub(crate) fn with_input_channels(mut self, channels: usize) -> Graph {
        if let Op::Input(input) = &mut self.nodes[0].op {
            input.channels = channels;
        }
        self
    }
}
