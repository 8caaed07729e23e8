//! The fused ASMA step against the same step as one launch per operator, on the same device in turn, as `asma bench` does
//! it, at any size and with every sample kept.
//!
//!     cargo bench --bench asma_step -- --save
//!
//! Needs a Vulkan, Metal or DX12 driver and nothing else: the built binary runs by itself on any machine.

#[path = "../src/cli/bench/step/mod.rs"]
mod step;
#[path = "support/mod.rs"]
mod support;

use anyhow::Result;
use asma::gpu::{GpuOptions, VariantChoice};
use clap::Parser;
use serde::Serialize;

use step::{StepRecord, compare};
use support::{Circumstances, Options};

/// Times the fused ASMA step against the unfused one.
#[derive(Parser)]
struct Arguments {
    /// Rows and columns of the image.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u16).range(16..=8192))]
    size: u16,
    /// The variant of the fused form's kernels, where they have it.
    #[arg(long)]
    variant: Option<String>,
    /// How often to time both forms.
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..))]
    pairs: u16,
    #[command(flatten)]
    options: Options,
}

/// What is saved.
#[derive(Serialize)]
struct Record {
    circumstances: Circumstances,
    #[serde(flatten)]
    step: StepRecord,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let gpu = support::open_device(&arguments.options.device)?;
    let command = format!(
        "cargo bench --bench asma_step -- --size {} --device {} --pairs {}",
        arguments.size, arguments.options.device, arguments.pairs
    ) + &arguments
        .variant
        .iter()
        .map(|name| format!(" --variant {name}"))
        .collect::<String>();
    let circumstances = Circumstances::new(&gpu, command)?;
    circumstances.print();
    let options = GpuOptions {
        variants: match arguments.variant {
            Some(name) => VariantChoice::Named(name),
            None => VariantChoice::Auto,
        },
        ..Default::default()
    };
    let step = compare(&gpu, &options, arguments.size.into(), arguments.pairs.into())?;
    print(&step);
    if let Some(folder) = arguments.options.save {
        let record = Record { circumstances, step };
        let path = record.circumstances.save(&folder, "asma_step", &record)?;
        println!("saved    {}", path.display());
    }
    Ok(())
}

fn print(step: &StepRecord) {
    for agreement in &step.agreement {
        println!("check    {agreement}");
    }
    println!(
        "size     {0} × {0}, {1} pairs of {2} iterations",
        step.size,
        step.fused.seconds.len(),
        step.iterations_per_sample
    );
    for (name, form) in [("fused", &step.fused), ("unfused", &step.unfused)] {
        println!(
            "{name:8} {:2} launches, {:7.1} MB, {:9.4} ms, {:7.2} GB/s",
            form.launches,
            form.bytes as f64 / 1e6,
            1e3 * form.median(),
            form.bytes as f64 / 1e9 / form.median()
        );
    }
    println!("ratio    {:.2} (median of pairs)", step.median_ratio);
}
