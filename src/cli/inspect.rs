//! `asma inspect`: what a checkpoint holds, and what it costs at an input size.

use std::path::PathBuf;

use asma::data::Resize;
use asma::graph::ops::{Conv2d, ConvTranspose2d};
use asma::graph::{Graph, Node, Op, Operator};
use asma::model::Model;
use asma::network::{LoweringOptions, lower};
use asma::{Result, Shape};
use clap::Args;
use serde_json::json;

use super::console::print;
use super::network::ReadingArguments;

/// Show the network in a weights file: its layers with shapes, parameters, operations and memory
#[derive(Debug, Args)]
pub struct Arguments {
    /// The network: an ONNX file, weights of a known U-Net, or what `asma convert` wrote
    #[arg(value_name = "FILE")]
    weights: PathBuf,
    #[command(flatten)]
    reading: ReadingArguments,
    /// The input's size
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "572x572")]
    size: Resize,
    /// Images in a batch
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// One line of the table.
struct Layer {
    name: String,
    kind: &'static str,
    shape: Shape,
    parameters: usize,
    flops: u64,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let model = Model::open(&arguments.weights, &arguments.reading.options())?;
    let graph = &model.graph;
    let input = Shape::new(
        usize::from(arguments.batch),
        graph.input_channels(),
        arguments.size.height,
        arguments.size.width,
    );
    let network = lower(graph, input, LoweringOptions::default())?;
    let layers = layers(graph, input)?;
    let total = |calls: std::ops::Range<usize>| -> u64 {
        network.program.calls()[calls]
            .iter()
            .map(|call| call.params.flops())
            .sum()
    };
    let (forward, adjoint) = (total(network.forward.clone()), total(network.adjoint.clone()));
    let memory = network.program.bytes();
    let largest = network.program.largest_buffer();
    let largest_bytes = largest.map_or(0, |buffer| buffer.bytes());
    if arguments.json {
        let layers: Vec<_> = layers
            .iter()
            .map(|layer| {
                let Shape { n, c, h, w } = layer.shape;
                json!({
                    "name": layer.name, "kind": layer.kind, "shape": [n, c, h, w],
                    "parameters": layer.parameters, "flops": layer.flops,
                })
            })
            .collect();
        let json = json!({
            "file": arguments.weights.display().to_string(),
            "network": model.name,
            "read_as": model.description(),
            "notes": model.notes,
            "preprocessing": model.preprocessing,
            "sizes": sizes(graph),
            "parameters": graph.parameter_count(),
            "flops_forward": forward,
            "flops_input_gradient": adjoint,
            "memory_bytes": memory,
            "largest_buffer_bytes": largest_bytes,
            "layers": layers,
        });
        print(format_args!("{json:#}"))?;
        return Ok(());
    }
    print(model.description())?;
    for note in &model.notes {
        print(format_args!("  ({note})"))?;
    }
    print(format_args!(
        "{:<20} {:<16} {:>18} {:>12} {:>12}",
        "layer", "kind", "output", "parameters", "MFLOP"
    ))?;
    for layer in &layers {
        print(format_args!(
            "{:<20} {:<16} {:>18} {:>12} {:>12.1}",
            layer.name,
            layer.kind,
            layer.shape.to_string(),
            layer.parameters,
            layer.flops as f64 / 1e6
        ))?;
    }
    print(format_args!("sizes                 {}", sizes(graph)))?;
    print(format_args!("parameters            {}", graph.parameter_count()))?;
    print(format_args!(
        "forward               {:.2} GFLOP",
        forward as f64 / 1e9
    ))?;
    print(format_args!(
        "input gradient        {:.2} GFLOP",
        adjoint as f64 / 1e9
    ))?;
    print(format_args!(
        "memory, both          {:.1} MB in {} buffers, the largest {:.1} MB",
        memory as f64 / 1e6,
        network.program.buffers().len(),
        largest_bytes as f64 / 1e6
    ))?;
    Ok(())
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
        shape,
        parameters: graph.parameters_of(&node.op),
        flops: flops(graph, node, shape, &shapes),
    });
    Ok(layers.collect())
}

/// Two operations per multiply-add of a convolution; what other layers do is counted as nothing.
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
