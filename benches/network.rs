//! Times the network's work of one attack iteration, forward pass and input gradient, on any executor: a
//! SimpleUnet of random weights, `cargo bench --bench network -- --device cpu --size 572 --base 32`, or any network,
//! `--weights FILE`. `benches/peers/network.py` and `benches/peers/networks.py` run it in turn with PyTorch.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use asma::cpu::CpuExecutor;
use asma::gpu::{Capabilities, DeviceChoice, GpuDevice, GpuExecutor, GpuOptions};
use asma::model::{Model, ModelOptions, Padding, SimpleUnet};
use asma::network::{LoweringOptions, lower};
use asma::program::{CallId, Executor, Place};
use asma::{Result, Shape, Tensor};
use clap::Parser;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

#[derive(Parser)]
struct Arguments {
    /// Where to run, as `asma --device`
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// A file with a network; without it, a SimpleUnet
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Rows and columns of the input
    #[arg(long, default_value_t = 572)]
    size: usize,
    /// Channels of the first level
    #[arg(long, default_value_t = 32)]
    base: usize,
    /// Levels
    #[arg(long, default_value_t = 5)]
    depth: usize,
    /// Timed repeats, after one that is not
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// A line for each call as well: milliseconds, the shortest of the repeats, billions of operations in a second, what it
    /// does
    #[arg(long)]
    calls: bool,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut random = SmallRng::seed_from_u64(1);
    let graph = match &arguments.weights {
        Some(file) => Model::open(file, &ModelOptions::default())?.network,
        None => {
            let unet = SimpleUnet::doubling(3, arguments.base, arguments.depth, 2, Padding::Valid);
            unet.build(|_, shape| {
                let fan_in: usize = shape.iter().skip(1).product();
                let scale = (6.0 / fan_in.max(1) as f32).sqrt();
                let length = shape.iter().product::<usize>();
                Ok((0..length).map(|_| random.random_range(-scale..scale)).collect())
            })?
        }
    };
    let shape = Shape::new(1, graph.input_channels(), arguments.size, arguments.size);
    let network = lower(&graph, shape, LoweringOptions::default())?;
    let (Some(seed), Some(gradient)) = (network.seed, network.gradient) else {
        return Ok(());
    };
    let program = Arc::new(network.program);
    let mut executor: Box<dyn Executor> = match GpuDevice::open(&arguments.device, Capabilities::Full)? {
        Some(gpu) => Box::new(GpuExecutor::new(gpu, &program, &GpuOptions::default())?),
        None => Box::new(CpuExecutor::new(program.clone())?),
    };
    let image = Tensor::from_fn(shape, |_, _, _, _| random.random_range(0.0..1.0));
    executor.write(network.input.buffer, image.data())?;
    let (forward, adjoint): (Vec<_>, Vec<_>) = (network.forward.collect(), network.adjoint.collect());
    let ones = vec![1.0; seed.shape.elements()];
    let mut time = |calls: &[CallId], result: Place| -> Result<[f64; 2]> {
        executor.write(seed.buffer, &ones)?;
        let (start, processor) = (Instant::now(), processor_ms());
        executor.submit(calls)?;
        // One word, to wait for the rest.
        executor.read(result.buffer, 1)?;
        Ok([1e3 * start.elapsed().as_secs_f64(), processor_ms() - processor])
    };
    let mut samples = Vec::new();
    for repeat in 0..=arguments.repeats {
        let [forward_ms, forward_processor_ms] = time(&forward, network.logits)?;
        let [gradient_ms, gradient_processor_ms] = time(&adjoint, gradient)?;
        if repeat > 0 {
            samples.push(json!({
                "forward_ms": forward_ms, "input_gradient_ms": gradient_ms,
                "forward_processor_ms": forward_processor_ms, "input_gradient_processor_ms": gradient_processor_ms,
            }));
        }
    }
    // Where the time goes: milliseconds of all calls of a kernel, the shortest of each.
    let calls: Vec<CallId> = forward.iter().chain(&adjoint).copied().collect();
    let mut times = vec![f64::INFINITY; calls.len()];
    for _ in 0..arguments.repeats.max(1) {
        for (shortest, time) in times.iter_mut().zip(executor.time_calls(&calls)?) {
            *shortest = shortest.min(time);
        }
    }
    let mut kernels: BTreeMap<&str, f64> = BTreeMap::new();
    for (&call, time) in calls.iter().zip(times) {
        let params = &program.calls()[call].params;
        *kernels.entry(params.kernel().name).or_default() += 1e3 * time;
        if arguments.calls {
            let rate = 1e-9 * params.flops() as f64 / time;
            println!(
                "{:8.3} {rate:7.1} {}",
                1e3 * time,
                params.work(&Default::default())
            );
        }
    }
    let flops: u64 = program.calls().iter().map(|call| call.params.flops()).sum();
    println!(
        "{}",
        json!({
            "device": executor.describe(), "size": arguments.size, "base": arguments.base,
            "gflop": flops as f64 / 1e9, "program_bytes": program.bytes(), "samples": samples, "kernels_ms": kernels,
        })
    );
    Ok(())
}

/// The processor's time of all threads of this process so far, in milliseconds: what is measured beside other work. 0 where
/// the system does not say.
fn processor_ms() -> f64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return 0.0;
    };
    let times = threads.flatten().filter_map(|thread| {
        let found = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        found.split_whitespace().next()?.parse::<f64>().ok()
    });
    1e-6 * times.sum::<f64>()
}
