//! Operators between tensors, norms and functions, each by itself, on the CPU executor: how long the forward pass and the
//! input gradient take.
//!
//!     cargo bench --bench tensors -- silu,1,32,256,256 [...] [--seconds 0.3]
//!
//! A case is its kind and the samples, channels, rows and columns of its input. `peers/tensors.py` has a list of them and
//! compares with PyTorch. One line of JSON for each case: the shortest times in milliseconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use asma::Shape;
use asma::cpu::CpuExecutor;
use asma::graph::ops::{self, Function, NormGroups, Operation, Reduction};
use asma::graph::{Graph, NodeId, Op, Slopes};
use asma::network::{LoweringOptions, lower};
use asma::program::Executor;
use clap::Parser;

#[derive(Parser)]
struct Options {
    cases: Vec<String>,
    /// For how long each case is repeated.
    #[arg(long, default_value_t = 0.3)]
    seconds: f64,
    /// Given by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    for case in &options.cases {
        let [forward, adjoint] = measure(case, options.seconds).with_context(|| case.clone())?;
        println!(r#"{{"case": "{case}", "forward": {forward:.4}, "adjoint": {adjoint:.4}}}"#);
    }
    Ok(())
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i * 7919 % 1009) as f32 / 1009.0 - 0.5) * 4.0)
        .collect()
}

struct Builder(Graph);

impl Builder {
    fn add(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId> {
        Ok(self.0.add("node", op, inputs)?)
    }

    fn constant(&mut self, shape: [usize; 4]) -> Result<NodeId> {
        let values = self
            .0
            .add_parameter("values", &shape, numbers(shape.iter().product()))?;
        self.add(ops::Constant { values }, &[])
    }
}

fn graph(kind: &str, [n, c, h, w]: [usize; 4]) -> Result<Graph> {
    let mut graph = Graph::new(c);
    let vector = |graph: &mut Graph, length: usize| graph.add_parameter("values", &[length], numbers(length));
    let (channels, columns) = (vector(&mut graph, c)?, vector(&mut graph, w)?);
    let (x, mut build) = (graph.input(), Builder(graph));
    let function = |function: Function| Op::from(ops::Pointwise { function });
    let norm = |groups| ops::GroupNorm {
        groups,
        scale: Some(channels),
        shift: Some(channels),
        epsilon: 1e-5,
    };
    let reduced = |function, axes| ops::Reduce { function, axes };
    let arithmetic = |operation| ops::Arithmetic { operation };
    match kind {
        "silu" => build.add(function(Function::Silu), &[x])?,
        "gelu" => build.add(function(Function::Gelu), &[x])?,
        "hardswish" => build.add(function(Function::HardSwish), &[x])?,
        "sigmoid" => build.add(function(Function::Sigmoid), &[x])?,
        "tanh" => build.add(function(Function::Tanh), &[x])?,
        "relu" => build.add(
            ops::Slope {
                slopes: Slopes::Same(0.0),
            },
            &[x],
        )?,
        "add" => {
            let other = build.constant([n, c, h, w])?;
            build.add(arithmetic(Operation::Add), &[x, other])?
        }
        "gate" => {
            let mean = build.add(reduced(Reduction::Mean, [false, false, true, true]), &[x])?;
            build.add(arithmetic(Operation::Multiply), &[x, mean])?
        }
        "spatial-gate" => {
            let largest = build.add(reduced(Reduction::Max, [false, true, false, false]), &[x])?;
            build.add(arithmetic(Operation::Multiply), &[x, largest])?
        }
        "instance" => build.add(norm(NormGroups::Instance), &[x])?,
        "group" => build.add(norm(NormGroups::Groups(8)), &[x])?,
        "layer" => build.add(
            ops::LayerNorm {
                scale: Some(columns),
                shift: Some(columns),
                epsilon: 1e-5,
            },
            &[x],
        )?,
        "transpose" => build.add(ops::Transpose { axes: [0, 1, 3, 2] }, &[x])?,
        "matmul" => {
            let other = build.constant([1, 1, w, 4 * w])?;
            build.add(
                ops::MatMul {
                    transposed: [false; 2],
                },
                &[x, other],
            )?
        }
        "softmax-rows" => build.add(ops::Softmax { axis: 3 }, &[x])?,
        "softmax-channels" => build.add(ops::Softmax { axis: 1 }, &[x])?,
        _ => bail!("`{kind}` is no kind of case"),
    };
    Ok(build.0)
}

/// The shortest times of forward pass and adjoint in milliseconds.
fn measure(case: &str, seconds: f64) -> Result<[f64; 2]> {
    let (kind, sizes) = case.split_once(',').context("want a kind and sizes")?;
    let sizes: Vec<usize> = sizes.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let &[n, c, h, w] = &sizes[..] else {
        bail!("want four sizes");
    };
    let graph = graph(kind, [n, c, h, w])?;
    let network = lower(&graph, Shape::new(n, c, h, w), LoweringOptions::default())?;
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
