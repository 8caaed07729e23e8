//! The fused ASMA step against the same step as one launch per operator, on the same device in turn.
//!
//!     cargo bench --bench asma_step -- --save
//!
//! Needs a Vulkan, Metal or DX12 driver and nothing else: the built binary runs by itself on any machine.

mod fused;
mod inputs;
#[path = "../support/mod.rs"]
mod support;
mod unfused;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use asma::gpu::DeviceChoice;
use clap::Parser;
use serde::Serialize;

use fused::Fused;
use inputs::{Inputs, Results};
use support::{Circumstances, Pairs, median};
use unfused::Unfused;

/// Times the fused ASMA step against the unfused one.
#[derive(Parser)]
struct Arguments {
    /// Rows and columns of the image.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u16).range(16..=8192))]
    size: u16,
    /// gpu, a number or part of a name.
    #[arg(long, default_value = "gpu")]
    device: DeviceChoice,
    /// How often to time both forms.
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..))]
    pairs: u16,
    /// Write the raw numbers into this folder.
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = "benches/results")]
    save: Option<PathBuf>,
    /// Given by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is saved.
#[derive(Serialize)]
struct Record {
    circumstances: Circumstances,
    size: usize,
    classes: usize,
    iterations_per_sample: usize,
    fused_bytes: u64,
    unfused_bytes: u64,
    fused_launches: usize,
    unfused_launches: usize,
    /// Of one iteration, in the order they were taken: fused, unfused, fused, unfused, …
    fused_seconds: Vec<f64>,
    unfused_seconds: Vec<f64>,
    median_ratio: f64,
}

/// A sample of the slower form takes about this long, so that submitting and waiting hardly count.
const SAMPLE_SECONDS: f64 = 0.1;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let gpu = support::open_device(&arguments.device)?;
    let command = format!(
        "cargo bench --bench asma_step -- --size {} --device {} --pairs {}",
        arguments.size, arguments.device, arguments.pairs
    );
    let circumstances = Circumstances::new(&gpu, command)?;
    circumstances.print();

    let inputs = Inputs::new(arguments.size.into());
    let mut fused = Fused::new(gpu.clone(), &inputs)?;
    let mut unfused = Unfused::new(gpu.clone(), &inputs)?;
    check(fused.first_two()?, unfused.first_two()?)?;

    let time_unfused = |iterations| support::time(&gpu, |encoder| unfused.encode(encoder, iterations));
    let time_fused = |iterations| support::time(&gpu, |encoder| fused.encode(encoder, iterations));
    // Once for the caches and clocks, once to see how long it takes.
    time_fused(2)?;
    time_unfused(2)?;
    let pairs_of_iterations = SAMPLE_SECONDS / time_unfused(2)?;
    let iterations = 2 * pairs_of_iterations.clamp(1.0, 1000.0) as usize;
    let pairs = Pairs::measure(
        arguments.pairs.into(),
        || Ok(time_fused(iterations)? / iterations as f64),
        || Ok(time_unfused(iterations)? / iterations as f64),
    )?;

    let record = Record {
        circumstances,
        size: inputs.size,
        classes: inputs::CLASSES,
        iterations_per_sample: iterations,
        fused_bytes: fused::bytes(&inputs),
        unfused_bytes: unfused.bytes(),
        fused_launches: 2,
        unfused_launches: unfused.launches(),
        median_ratio: median(&pairs.ratios()),
        fused_seconds: pairs.first,
        unfused_seconds: pairs.second,
    };
    print(&record);
    if let Some(folder) = arguments.save {
        let path = record.circumstances.save(&folder, "asma_step", &record)?;
        println!("saved    {}", path.display());
    }
    Ok(())
}

/// That both forms compute the same, before any time is believed.
fn check(fused: (Results, Vec<f32>), unfused: (Results, Vec<f32>)) -> Result<()> {
    let (fused, fused_second) = fused;
    let (unfused, unfused_second) = unfused;
    // Quotients of the same integers. The sums for L2 are taken in another order. A step is a few
    // operations, which a compiler may contract.
    for (what, fused, unfused, tolerance) in [
        ("IoU", fused.iou, unfused.iou, 1e-6),
        (
            "pixel accuracy",
            fused.pixel_accuracy,
            unfused.pixel_accuracy,
            1e-6,
        ),
        ("L2", fused.l2, unfused.l2, 1e-5 * unfused.l2),
        ("L∞", fused.linf, unfused.linf, 1e-6),
    ] {
        println!("check    {what}: fused {fused}, unfused {unfused}");
        ensure!(
            (fused - unfused).abs() <= tolerance,
            "{what} is {fused} fused and {unfused} unfused"
        );
    }
    ensure!(fused.seed == unfused.seed, "the seed gradients differ");
    for (what, fused, unfused) in [
        ("the first step", fused.adversarial, unfused.adversarial),
        ("the second step", fused_second, unfused_second),
    ] {
        let differences = fused.iter().zip(&unfused).map(|(a, b)| (a - b).abs());
        let largest = differences.fold(0.0, f32::max);
        let clipped = fused
            .iter()
            .filter(|&&value| value == 0.0 || value == 1.0)
            .count();
        println!("check    image after {what}: {largest:e} apart at most, {clipped} elements clipped");
        // A comparison that NaN fails.
        let equal = fused.iter().zip(&unfused).all(|(a, b)| (a - b).abs() <= 1e-6);
        ensure!(equal, "the images after {what} are up to {largest} apart");
    }
    Ok(())
}

fn print(record: &Record) {
    println!(
        "size     {0} × {0}, {1} classes, {2} pairs of {3} iterations",
        record.size,
        record.classes,
        record.fused_seconds.len(),
        record.iterations_per_sample
    );
    for (name, launches, bytes, seconds) in [
        (
            "fused",
            record.fused_launches,
            record.fused_bytes,
            &record.fused_seconds,
        ),
        (
            "unfused",
            record.unfused_launches,
            record.unfused_bytes,
            &record.unfused_seconds,
        ),
    ] {
        let seconds = median(seconds);
        println!(
            "{name:8} {launches:2} launches, {:7.1} MB, {:9.4} ms, {:7.2} GB/s",
            bytes as f64 / 1e6,
            1e3 * seconds,
            bytes as f64 / 1e9 / seconds
        );
    }
    println!("ratio    {:.2} (median of pairs)", record.median_ratio);
}
