//! Layers of networks, each by itself, on the CPU executor: how long the forward pass and the input gradient take.
//!
//!     cargo bench --bench layers -- conv,64,64,3,1,1,1,1,56 [...] [--seconds 0.3]
//!
//! A layer is its kind (conv, convt, max, average, linear, nearest), channels in and out, kernel, stride, padding, dilation,
//! groups, and rows and columns of the input. `peers/layers.py` has a list of them and compares with PyTorch. One line of
//! JSON for each layer: the shortest times in milliseconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use asma::Shape;
use asma::cpu::CpuExecutor;
use asma::graph::{Graph, Margins, Op, Resampling, ResizeSize, ops};
use asma::network::{LoweringOptions, lower};
use asma::program::Executor;
use clap::Parser;

#[derive(Parser)]
struct Options {
    layers: Vec<String>,
    /// For how long each layer is repeated.
    #[arg(long, default_value_t = 0.3)]
    seconds: f64,
    /// Given by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    for layer in &options.layers {
        // On a thread that computes, as the calls of a network are: to wake one takes as long as a small layer.
        let measured = rayon::scope(|_| measure(layer, options.seconds));
        let [forward, adjoint] = measured.with_context(|| layer.clone())?;
        println!(r#"{{"layer": "{layer}", "forward": {forward:.4}, "adjoint": {adjoint:.4}}}"#);
    }
    Ok(())
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i * 7919 % 1009) as f32 / 1009.0 - 0.5) * 0.2)
        .collect()
}

/// The shortest times of forward pass and adjoint in milliseconds.
fn measure(layer: &str, seconds: f64) -> Result<[f64; 2]> {
    let (kind, sizes) = layer.split_once(',').context("want a kind and sizes")?;
    let sizes: Vec<usize> = sizes.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let &[ins, outs, kernel, stride, padding, dilation, groups, size] = &sizes[..] else {
        bail!("want eight sizes");
    };
    let mut graph = Graph::new(ins);
    let mut weight =
        |shape: [usize; 4]| graph.add_parameter("weight", &shape, numbers(shape.iter().product()));
    let padding = Margins::same([padding; 2]);
    let op: Op = match kind {
        "conv" => ops::Conv2d {
            weight: weight([outs, ins / groups, kernel, kernel])?,
            bias: None,
            stride: [stride; 2],
            padding,
            dilation: [dilation; 2],
            groups,
        }
        .into(),
        "convt" => ops::ConvTranspose2d {
            weight: weight([ins, outs / groups, kernel, kernel])?,
            bias: None,
            stride: [stride; 2],
            padding,
            output_padding: [0; 2],
            dilation: [dilation; 2],
            groups,
        }
        .into(),
        "max" => ops::MaxPool2d {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding,
            ceil: false,
        }
        .into(),
        "average" => ops::AveragePool2d {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding,
            ceil: false,
            count_padding: true,
        }
        .into(),
        "linear" | "nearest" => ops::Resize {
            mode: match kind {
                "linear" => Resampling::BILINEAR,
                _ => Resampling::NEAREST,
            },
            size: ResizeSize::Factor(stride),
        }
        .into(),
        _ => bail!("`{kind}` is no kind of layer"),
    };
    graph.add("layer", op, &[graph.input()])?;
    let network = lower(&graph, Shape::new(1, ins, size, size), LoweringOptions::default())?;
    let mut executor = CpuExecutor::new(Arc::new(network.program.clone()))?;
    executor.write(network.input.buffer, &numbers(network.input.shape.elements()))?;
    let seed = network.seed.context("no gradient")?;
    executor.write(seed.buffer, &numbers(seed.shape.elements()))?;
    let mut shortest = [Duration::MAX; 2];
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < seconds || shortest[1] == Duration::MAX {
        for (calls, shortest) in [network.forward.clone(), network.adjoint.clone()]
            .into_iter()
            .zip(&mut shortest)
        {
            let calls: Vec<_> = calls.collect();
            let start = Instant::now();
            executor.submit(&calls)?;
            *shortest = start.elapsed().min(*shortest);
        }
    }
    Ok(shortest.map(|time| 1e3 * time.as_secs_f64()))
}
