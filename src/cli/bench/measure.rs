//! The measurements.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use asma::attack::{AsmaConfig, Attack, AttackInput, Iterations, Schedule, Snapshots};
use asma::gpu::{GpuDevice, tune};
use asma::graph::Graph;
use asma::program::{CallId, Executor};
use asma::{Error, LabelMap, Result, Shape, Tensor};

use super::record::{CallRecord, Record};
use super::step::compare;
use crate::cli::console::say;
use crate::cli::network::{DeviceArguments, PrecisionArguments};
use crate::cli::tuning::Keeper;

/// What is measured.
pub struct Subject {
    pub network: String,
    pub graph: Graph,
    pub height: usize,
    pub width: usize,
    pub batch: usize,
    /// Rows and columns of the image that the ASMA step alone is measured on.
    pub step_size: usize,
    pub rounds: usize,
    pub precision: PrecisionArguments,
}

/// Iterations of a timed submission take about this long, or one does.
const SAMPLE_SECONDS: f64 = 0.2;
const MOST_ITERATIONS: usize = 256;

/// Measures all that a [`Record`] holds; `start` is when the command began.
pub fn measure(subject: &Subject, device: &DeviceArguments, start: Instant) -> Result<Record> {
    let mut bench = Bench::new(subject, device, Schedule::OneForward)?;
    bench.iterate(1)?;
    let first_iteration_after = start.elapsed().as_secs_f64();
    let ceilings = bench.executor.measure_ceilings()?;
    let calls = bench.time_calls(subject.rounds)?;
    let one_forward_iteration = bench.time_iteration(subject.rounds)?;
    let forward: HashSet<CallId> = bench.attack.forward().into_iter().collect();
    let order = bench.attack.calls();
    let sum = |wanted: &dyn Fn(CallId, &CallRecord) -> bool| -> f64 {
        let numbered = order.iter().zip(&calls);
        numbered
            .filter(|(id, call)| wanted(**id, call))
            .map(|(_, call)| call.seconds)
            .sum()
    };
    let is_step = |call: &CallRecord| STEP.contains(&call.kernel.as_str());
    let forward_seconds = sum(&|id, _| forward.contains(&id));
    let asma_step = sum(&|_, call| is_step(call));
    let input_gradient = sum(&|id, call| !forward.contains(&id) && !is_step(call));
    let precision = bench.attack.config().precision().to_string();
    let buffer_bytes = bench.attack.program().bytes();
    let described = bench.executor.describe();
    // Both attacks' buffers at once may be more than there is.
    drop(bench);
    let mut bench = Bench::new(subject, device, Schedule::TwoForward)?;
    bench.iterate(1)?;
    let two_forward_iteration = bench.time_iteration(subject.rounds)?;
    let Shape { n, c, h, w } = bench.attack.adversarial().shape;
    drop(bench);
    // What was measured so far is not to be lost if this fails.
    let step = device.open()?.and_then(|gpu| {
        let options = device.options(&gpu);
        compare(&gpu, &options, subject.step_size, subject.rounds)
            .inspect_err(|error| {
                say(format_args!(
                    "note: the ASMA step by itself was not measured: {error}"
                ))
            })
            .ok()
    });
    Ok(Record {
        asma_version: env!("CARGO_PKG_VERSION").into(),
        command: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
        unix_time: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        device: described,
        network: subject.network.clone(),
        precision,
        input: [n, c, h, w],
        ceilings,
        calls,
        forward: forward_seconds,
        input_gradient,
        asma_step,
        step,
        one_forward_iteration,
        two_forward_iteration,
        first_iteration_after,
        buffer_bytes,
        peak_process_bytes: peak_process_bytes(),
    })
}

/// Entry points of the fused ASMA step; `head` is `objective` and the end of the network.
const STEP: [&str; 3] = ["objective", "head", "update"];

/// An attack made ready, and its iterations still to run.
struct Bench {
    attack: Attack,
    executor: Box<dyn Executor>,
    iterations: Iterations,
}

/// Plans the attack that is measured.
fn plan(subject: &Subject, schedule: Schedule, gpu: Option<&GpuDevice>) -> Result<Attack> {
    let input = Shape::new(
        subject.batch,
        subject.graph.input_channels(),
        subject.height,
        subject.width,
    );
    let config = AsmaConfig {
        schedule,
        precision: subject.precision.choose(gpu),
        iterations: u32::MAX,
        ..AsmaConfig::default()
    };
    Attack::new(&subject.graph, input, config, false)
}

/// Measures which variants of the kernels are the fastest for the attack's calls, and returns how many kinds of work
/// that was, and where the table is kept.
pub fn tune_kernels(subject: &Subject, device: &DeviceArguments) -> Result<(usize, PathBuf)> {
    let Some(gpu) = device.open()? else {
        return Err(Error::Usage(
            "--tune chooses between the GPU's variants of kernels, and this runs on the CPU; name a GPU with --device"
                .into(),
        ));
    };
    let keeper = Keeper::new(&gpu)?;
    let attack = plan(subject, Schedule::OneForward, Some(&gpu))?;
    let tuning = tune(&gpu, attack.program(), attack.calls(), subject.rounds)?;
    Ok((tuning.variants.len(), keeper.keep(tuning)?))
}

impl Bench {
    fn new(subject: &Subject, device: &DeviceArguments, schedule: Schedule) -> Result<Bench> {
        let gpu = device.open()?;
        let attack = plan(subject, schedule, gpu.as_ref())?;
        let input = attack.adversarial().shape;
        let mut executor = device.quiet_executor(gpu, attack.program())?;
        // Any image will do, and a disc in the middle as the target.
        let source = Tensor::from_fn(input, |n, c, y, x| {
            0.5 + 0.4 * ((n + 3 * c + 7 * y + 11 * x) as f32).sin()
        });
        let output = attack.logits().shape;
        let target = LabelMap::from_fn(output.h, output.w, |y, x| {
            let (down, across) = (y.abs_diff(output.h / 2), x.abs_diff(output.w / 2));
            u8::from(9 * (down * down + across * across) < output.h * output.w)
        })?;
        let targets = vec![target; input.n];
        let input = AttackInput {
            source: &source,
            targets: &targets,
            regions: &[],
            snapshots: Snapshots::None,
        };
        let iterations = attack.prepare(executor.as_mut(), input)?;
        Ok(Bench {
            attack,
            executor,
            iterations,
        })
    }

    fn next(&mut self) -> Result<Arc<[CallId]>> {
        let calls = self.iterations.next();
        calls.ok_or_else(|| Error::Usage("there are no more iterations to measure".into()))
    }

    /// Seconds that some iterations take, from submitting the first to the last being done.
    fn iterate(&mut self, count: usize) -> Result<f64> {
        let start = Instant::now();
        for _ in 0..count {
            let calls = self.next()?;
            self.executor.submit(&calls)?;
        }
        // One word, to wait for all of it.
        self.executor.read(self.attack.adversarial().buffer, 1)?;
        Ok(start.elapsed().as_secs_f64())
    }

    /// Seconds of one iteration among as many as a submission of some length holds.
    fn time_iteration(&mut self, rounds: usize) -> Result<f64> {
        let alone = self.iterate(1)?;
        let count = ((SAMPLE_SECONDS / alone) as usize).clamp(1, MOST_ITERATIONS);
        let samples = (0..rounds).map(|_| self.iterate(count)).collect::<Result<_>>()?;
        Ok(median(samples)? / count as f64)
    }

    /// Every call of an iteration by itself.
    fn time_calls(&mut self, rounds: usize) -> Result<Vec<CallRecord>> {
        let mut samples: Vec<Vec<f64>> = Vec::new();
        for round in 0..=rounds {
            let calls = self.next()?;
            let seconds = self.executor.time_calls(&calls)?;
            // The first round fills caches.
            if round > 0 {
                samples.push(seconds);
            }
        }
        let program = self.attack.program();
        let numbered = self.attack.calls().iter().enumerate();
        numbered
            .map(|(place, &id)| {
                let call = program
                    .calls()
                    .get(id)
                    .ok_or_else(|| Error::Usage(format!("the program has no call {id}")))?;
                Ok(CallRecord {
                    call: call.label.to_string(),
                    kernel: call.params.kernel().entry_point.into(),
                    variant: self.executor.variant(id).into(),
                    seconds: median(samples.iter().map(|round| round[place]).collect())?,
                    flops: call.params.flops(),
                    bytes: call.params.bytes_moved(&program.specialisation(call, None)),
                })
            })
            .collect()
    }
}

/// The most memory that this process has had in main memory, where the system tells.
fn peak_process_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kibibytes)
}

fn median(mut samples: Vec<f64>) -> Result<f64> {
    samples.sort_by(f64::total_cmp);
    samples
        .get(samples.len() / 2)
        .copied()
        .ok_or_else(|| Error::Usage("nothing was measured; want at least one round".into()))
}
