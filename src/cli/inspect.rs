//! `asma inspect`: what a checkpoint holds, and what it costs at an input size.

use std::path::PathBuf;

use asma::data::Resize;
use asma::model::Model;
use asma::{Result, Shape};
use clap::Args;
use serde_json::{Value, json};

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

pub fn run(arguments: &Arguments) -> Result<()> {
    let model = Model::open(&arguments.weights, &arguments.reading.options())?;
    let Resize { width, height } = arguments.size;
    let inspection = model.inspect(usize::from(arguments.batch), height, width)?;
    if arguments.json {
        let mut json = json!({ "file": arguments.weights.display().to_string() });
        if let (Some(json), Value::Object(fields)) = (json.as_object_mut(), json!(inspection)) {
            json.extend(fields);
        }
        print(format_args!("{json:#}"))?;
        return Ok(());
    }
    print(&inspection.read_as)?;
    for note in &inspection.notes {
        print(format_args!("  ({note})"))?;
    }
    print(format_args!(
        "{:<20} {:<16} {:>18} {:>12} {:>12}",
        "layer", "kind", "output", "parameters", "MFLOP"
    ))?;
    for layer in &inspection.layers {
        let [n, c, h, w] = layer.shape;
        print(format_args!(
            "{:<20} {:<16} {:>18} {:>12} {:>12.1}",
            layer.name,
            layer.kind,
            Shape::new(n, c, h, w).to_string(),
            layer.parameters,
            layer.flops as f64 / 1e6
        ))?;
    }
    print(format_args!("sizes                 {}", inspection.sizes))?;
    print(format_args!("parameters            {}", inspection.parameters))?;
    print(format_args!(
        "forward               {:.2} GFLOP",
        inspection.flops_forward as f64 / 1e9
    ))?;
    print(format_args!(
        "input gradient        {:.2} GFLOP",
        inspection.flops_input_gradient as f64 / 1e9
    ))?;
    print(format_args!(
        "memory, both          {:.1} MB in {} buffers, the largest {:.1} MB",
        inspection.memory_bytes as f64 / 1e6,
        inspection.buffers,
        inspection.largest_buffer_bytes as f64 / 1e6
    ))?;
    Ok(())
}
