//! What a network is and what it costs at an input size.

use serde::Serialize;

use super::{Model, Preprocessing};
use crate::error::Result;
use crate::graph::ops::{Conv2d, ConvTranspose2d};
use crate::graph::{Graph, Node, Op, Operator};
use crate::network::{LoweringOptions, lower};
use crate::tensor::Shape;

/// What a network is and what it costs at an input size, forward and backward.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// The family with its widths, or the format.
    pub network: String,
    /// How it was read and how pixels are given to it, in one line.
    pub read_as: String,
    /// What is likely a mistake or had to be assumed, in one line each.
    pub notes: Vec<String>,
    /// What pixels become before the network sees them.
    pub preprocessing: Preprocessing,
    /// Which sizes it takes, in words.
    pub sizes: String,
    /// Channels of its images.
    pub channels: usize,
    /// Classes that it tells apart.
    pub classes: usize,
    /// How many weights it has.
    pub parameters: usize,
    /// Operations of a forward pass.
    pub flops_forward: u64,
    /// Operations from the gradient of the logits to that of the image.
    pub flops_input_gradient: u64,
    /// What all buffers take, weights among them.
    pub memory_bytes: u64,
    /// What the largest takes.
    pub largest_buffer_bytes: u64,
    /// How many buffers there are.
    #[serde(skip)]
    pub buffers: usize,
    /// Its layers, in the order in which they run.
    pub layers: Vec<Layer>,
}

/// A layer of a network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: &'static str,
    /// The shape of its output: samples, channels, rows, columns.
    pub shape: [usize; 4],
    /// How many weights it has.
    pub parameters: usize,
    /// Its operations, two per multiply-add of a convolution; what others do is counted as nothing.
    pub flops: u64,
}

impl Model {
    /// What the network is, and what it costs for so many images of a size.
    ///
    /// # Errors
    /// If the network does not take this size, naming the nearest sizes that it takes.
    pub fn inspect(&self, images: usize, height: usize, width: usize) -> Result<Inspection> {
        let graph = &self.graph;
        let input = Shape::new(images, graph.input_channels(), height, width);
        let network = lower(graph, input, LoweringOptions::default())?;
        let total = |calls: std::ops::Range<usize>| -> u64 {
            let calls = &network.program.calls()[calls];
            calls.iter().map(|call| call.params.flops()).sum()
        };
        let largest = network.program.largest_buffer();
        Ok(Inspection {
            network: self.name.clone(),
            read_as: self.description(),
            notes: self.notes.clone(),
            preprocessing: self.preprocessing.clone(),
            sizes: sizes(graph),
            channels: graph.input_channels(),
            classes: self.classes(),
            parameters: graph.parameter_count(),
            flops_forward: total(network.forward.clone()),
            flops_input_gradient: total(network.adjoint.clone()),
            memory_bytes: network.program.bytes(),
            largest_buffer_bytes: largest.map_or(0, |buffer| buffer.bytes()),
            buffers: network.program.buffers().len(),
            layers: layers(graph, input)?,
        })
    }
}

/// Which sizes the network takes, in words.
fn sizes(graph: &Graph) -> String {
    if let Some([rows, columns]) = graph.only_size() {
        return format!("{columns}x{rows} alone");
    }
    let output = |height: usize, width: usize| {
        let input = Shape::new(1, graph.input_channels(), height, width);
        graph.output_shape(input).ok().map(|output| (output.h, output.w))
    };
    let keeps = |step: usize| {
        let sides = (1..=3).map(|times| (256 + times * step, 256 + 2 * times * step));
        sides
            .into_iter()
            .all(|(height, width)| output(height, width) == Some((height, width)))
    };
    match (0..9).map(|power| 1 << power).find(|step| keeps(*step)) {
        Some(1) => "any, the output as large as the input".into(),
        Some(step) => format!("multiples of {step} as they are, the output as large; others get a border"),
        None => match output(512, 512) {
            Some((height, width)) => format!("the output is of another size: {width}x{height} for 512x512"),
            None => "few; refusals name the nearest".into(),
        },
    }
}

fn layers(graph: &Graph, input: Shape) -> Result<Vec<Layer>> {
    let shapes = graph.shapes(input)?;
    let layers = graph.nodes().iter().zip(&shapes).map(|(node, &shape)| Layer {
        name: node.name.clone(),
        kind: node.op.kind(),
        shape: shape.sizes(),
        parameters: graph.parameters_of(&node.op),
        flops: flops(graph, node, shape, &shapes),
    });
    Ok(layers.collect())
}

fn flops(graph: &Graph, node: &Node, output: Shape, shapes: &[Shape]) -> u64 {
    let (weight, windows) = match node.op {
        Op::Conv2d(Conv2d { weight, .. }) => (weight, output),
        // Each input pixel is multiplied with all weights.
        Op::ConvTranspose2d(ConvTranspose2d { weight, .. }) => (weight, shapes[node.inputs[0].0]),
        _ => return 0,
    };
    let weights: usize = graph.parameters()[weight.0].shape.iter().product();
    2 * weights as u64 * (windows.n * windows.pixels()) as u64
}
