//! Times an iteration of every attack on the table, and what of it is the attack's own: all but the network's forward pass and
//! input gradient. `cargo bench --bench attacks -- --device cpu --size 572 --base 32`. The objective that is fused with the
//! network's last convolution counts for what it takes beyond that convolution and its adjoint by themselves. Of each part it is
//! the least of all timed iterations.

use std::collections::{BTreeMap, HashSet};

use asma::attack::budget::{Loss, Norm};
use asma::attack::{Attack, AttackConfig, AttackInput, BudgetConfig, Snapshots, table};
use asma::cpu::CpuExecutor;
use asma::gpu::{Capabilities, DeviceChoice, GpuDevice, GpuExecutor, GpuOptions};
use asma::kernels::Params;
use asma::model::{Padding, SimpleUnet};
use asma::program::Executor;
use asma::train::initial_graph;
use asma::{LabelMap, Result, Shape, Tensor};
use clap::Parser;
use serde_json::json;

#[derive(Parser)]
struct Arguments {
    /// Where to run, as `asma --device`
    #[arg(long, default_value = "cpu")]
    device: DeviceChoice,
    /// Rows and columns of the input
    #[arg(long, default_value_t = 572)]
    size: usize,
    /// Channels of the first level
    #[arg(long, default_value_t = 32)]
    base: usize,
    /// Levels
    #[arg(long, default_value_t = 5)]
    depth: usize,
    /// Classes
    #[arg(long, default_value_t = 2)]
    classes: usize,
    /// Only the attack of this name
    #[arg(long)]
    attack: Option<String>,
    /// Timed iterations
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Iterations before those
    #[arg(long, default_value_t = 1)]
    before: usize,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let unet = SimpleUnet::doubling(
        3,
        arguments.base,
        arguments.depth,
        arguments.classes,
        Padding::Valid,
    );
    let graph = initial_graph(&unet.blank()?, 0)?;
    let shape = Shape::new(1, 3, arguments.size, arguments.size);
    let source = Tensor::from_fn(shape, |_, c, y, x| {
        0.5 + 0.4 * ((3 * c + 7 * y + 11 * x) as f32).sin()
    });
    let mut records = Vec::new();
    for entry in table::ATTACKS {
        if arguments.attack.as_ref().is_some_and(|name| name != entry.name) {
            continue;
        }
        for norm in [Norm::Linf, Norm::L2] {
            let config = match (entry.settings)(norm) {
                AttackConfig::Budget(config) if config.attack == "padam" && norm == Norm::L2 => continue,
                AttackConfig::Budget(config) => BudgetConfig {
                    class_weights: (config.loss == Loss::WeightedCrossEntropy)
                        .then(|| vec![1.0; arguments.classes]),
                    steps: 100,
                    ..config
                }
                .into(),
                _ if norm == Norm::L2 => continue,
                other => other,
            };
            let attack = Attack::new(&graph, shape, config, false)?;
            let record = time(&attack, &arguments, &source)?;
            println!("{:8} {norm:5} {record}", entry.name);
            records.push(json!({ "attack": entry.name, "norm": norm, "times": record }));
        }
    }
    Ok(())
}

fn time(attack: &Attack, arguments: &Arguments, source: &Tensor) -> Result<serde_json::Value> {
    let program = attack.program();
    let mut executor: Box<dyn Executor> = match GpuDevice::open(&arguments.device, Capabilities::Full)? {
        Some(gpu) => Box::new(GpuExecutor::new(gpu, program, &GpuOptions::default())?),
        None => Box::new(CpuExecutor::new(program.clone())?),
    };
    let output = attack.logits().shape;
    let target = LabelMap::from_fn(output.h, output.w, |y, x| u8::from(x > y))?;
    let input = AttackInput {
        source,
        targets: &[target],
        regions: &[],
        snapshots: Snapshots::None,
    };
    let mut iterations = attack.prepare(executor.as_mut(), input)?;
    let forward: HashSet<usize> = attack.forward().into_iter().collect();
    let (mut network, mut own, mut head, mut dispatches) = (f64::MAX, f64::MAX, f64::MAX, 0);
    let mut kernels = BTreeMap::new();
    for round in 0..arguments.before + arguments.repeats {
        let Some(calls) = iterations.next() else { break };
        let seconds = executor.time_calls(&calls)?;
        let (mut of_network, mut of_attack, mut of_head) = (0.0, 0.0, 0.0);
        let mut of_kernels: BTreeMap<&str, f64> = BTreeMap::new();
        dispatches = 0;
        for (&id, seconds) in calls.iter().zip(seconds) {
            match program.calls()[id].params {
                Params::ObjectiveHead(_) => of_head += seconds,
                Params::Objective(_)
                | Params::AsmaUpdate(_)
                | Params::AttackStep(_)
                | Params::Select(_)
                | Params::ProximalSearch(_)
                | Params::ProximalRounds(_)
                | Params::ProximalClip(_)
                | Params::AlmaConstraints(_)
                | Params::AlmaSeed(_)
                | Params::AlmaStep(_)
                | Params::PdpgdSeed(_)
                | Params::PdpgdStep(_)
                | Params::MinimalSettle(_) => {
                    of_attack += seconds;
                    dispatches += 1;
                    *of_kernels
                        .entry(program.calls()[id].params.kernel().name)
                        .or_default() += seconds;
                }
                _ => of_network += seconds,
            }
        }
        if round >= arguments.before {
            network = network.min(of_network);
            if of_attack < own {
                (own, kernels) = (of_attack, of_kernels);
            }
            head = head.min(of_head);
        }
    }
    // What the head's two convolutions take by themselves.
    let alone: Vec<usize> = forward
        .iter()
        .copied()
        .filter(|id| !attack.calls().contains(id))
        .collect();
    let mut convolution = f64::MAX;
    for _ in 0..arguments.repeats {
        convolution = convolution.min(executor.time_calls(&alone)?.iter().sum());
    }
    let head_own = (head - 2.0 * convolution).max(0.0);
    let all = network + own + head;
    Ok(json!({
        "iteration": all,
        "own_share": (own + head_own) / all,
        "own": kernels,
        "dispatches_beyond_network": dispatches,
    }))
}
