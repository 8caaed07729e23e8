//! What was measured, as a file and as a table.

use std::path::Path;

use asma::kernels::conv2d::matrix_products;
use asma::program::Ceilings;
use asma::{Error, Result};
use serde::{Deserialize, Serialize};

use super::step::StepRecord;
use crate::cli::cache::file_name_of;
use crate::cli::console::print;

/// Everything that one run measured. Times are medians, in seconds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    pub asma_version: String,
    /// The command's arguments.
    pub command: String,
    /// Seconds since 1970.
    pub unix_time: u64,
    pub device: String,
    pub network: String,
    /// How its values are stored: `f32` or `f16`.
    #[serde(default)]
    pub precision: String,
    /// Samples, channels, rows, columns.
    pub input: [usize; 4],
    pub ceilings: Ceilings,
    /// The kernel calls of one one-forward iteration, in their order.
    pub calls: Vec<CallRecord>,
    /// Sums of the calls' times.
    pub forward: f64,
    pub input_gradient: f64,
    /// The launches of the fused ASMA step; `head`, where the network has one, is also its last convolution, and the
    /// adjoints of that and of the activation before it.
    pub asma_step: f64,
    /// The ASMA step by itself, fused and as one launch per operator; on GPUs.
    #[serde(default)]
    pub step: Option<StepRecord>,
    /// Whole iterations as the attack runs them, many to a submission, host and waiting included.
    pub one_forward_iteration: f64,
    pub two_forward_iteration: f64,
    /// From the start of the process's work to the end of the first iteration: opening the device, compiling,
    /// uploading.
    pub first_iteration_after: f64,
    /// Bytes of the one-forward attack's buffers, weights included.
    pub buffer_bytes: u64,
    /// The most main memory that the process had, where the system tells (on Linux).
    #[serde(default)]
    pub peak_process_bytes: Option<u64>,
}

/// One kernel call.
#[derive(Debug, Serialize, Deserialize)]
pub struct CallRecord {
    pub call: String,
    pub kernel: String,
    pub variant: String,
    pub seconds: f64,
    pub flops: u64,
    /// What it cannot do without moving.
    pub bytes: u64,
}

impl Record {
    /// How values are stored, in words; records of versions without float16 say nothing.
    pub fn precision_name(&self) -> &'static str {
        match self.precision.as_str() {
            "f16" => "float16",
            _ => "float32",
        }
    }

    /// The name of its file in a folder of such: the day it was measured, in UTC, and the device.
    pub fn file_name(&self) -> String {
        let time = jiff::Timestamp::from_second(self.unix_time as i64).unwrap_or_default();
        format!(
            "{}-{}.json",
            time.strftime("%Y-%m-%d"),
            file_name_of(&self.device)
        )
    }
}

impl CallRecord {
    /// The least time that the device's ceilings allow, as a share of the time taken.
    fn share_of_ceiling(&self, ceilings: &Ceilings) -> f64 {
        let products = matrix_products(&self.variant);
        let computing = match ceilings.matrix_flops_per_second {
            Some(rate) if products > 0 => f64::from(products) * self.flops as f64 / rate,
            _ => self.flops as f64 / ceilings.flops_per_second,
        };
        let moving = self.bytes as f64 / ceilings.bytes_per_second;
        computing.max(moving) / self.seconds
    }
}

/// Reads what `--save` wrote.
pub fn read_record(path: &Path) -> Result<Record> {
    let text = std::fs::read_to_string(path)
        .map_err(|cause| Error::file(path, format!("cannot be read: {cause}")))?;
    serde_json::from_str(&text).map_err(|cause| {
        Error::file(
            path,
            format!("is no file that `asma bench --save` wrote: {cause}"),
        )
    })
}

/// The tables for people.
pub fn print_record(record: &Record) -> Result<()> {
    let [n, c, h, w] = record.input;
    let ceilings = &record.ceilings;
    print(format_args!(
        "{}\n{}, input {n}×{c}×{h}×{w}, {}\nceilings: copy {:.1} GB/s, multiply-add {:.1} GFLOP/s{}\n",
        record.device,
        record.network,
        record.precision_name(),
        1e-9 * ceilings.bytes_per_second,
        1e-9 * ceilings.flops_per_second,
        match ceilings.matrix_flops_per_second {
            Some(rate) => format!(", matrix units {:.1} GFLOP/s", 1e-9 * rate),
            None => String::new(),
        }
    ))?;
    print("       ms  GFLOP/s     GB/s  of ceiling  kernel (variant), call")?;
    for call in &record.calls {
        print(format_args!(
            "{:9.3}  {:7.1}  {:7.2}  {:8.1} %  {} ({}), {}",
            1e3 * call.seconds,
            1e-9 * call.flops as f64 / call.seconds,
            1e-9 * call.bytes as f64 / call.seconds,
            100.0 * call.share_of_ceiling(ceilings),
            call.kernel,
            call.variant,
            call.call
        ))?;
    }
    print("")?;
    for (name, seconds) in phases(record) {
        print(format_args!("{:9.3} ms  {name}", 1e3 * seconds))?;
    }
    let mebibytes = |bytes: u64| bytes as f64 / (1 << 20) as f64;
    print(format_args!(
        "{:9.2}     iterations a second, one-forward\n{:9.1} MiB of buffers",
        1.0 / record.one_forward_iteration,
        mebibytes(record.buffer_bytes)
    ))?;
    if let Some(step) = &record.step {
        print(format_args!(
            "{:9.3} ms  ASMA step at {1} × {1}, {2:.2} GB/s; as {3} launches {4:.3} ms, {5:.2} times as long",
            1e3 * step.fused.median(),
            step.size,
            1e-9 * step.fused.bytes as f64 / step.fused.median(),
            step.unfused.launches,
            1e3 * step.unfused.median(),
            step.median_ratio
        ))?;
    }
    match record.peak_process_bytes {
        Some(bytes) => print(format_args!(
            "{:9.1} MiB of main memory at most, the two-forward attack included",
            mebibytes(bytes)
        )),
        None => Ok(()),
    }
}

/// Parts of the work, and what each takes.
pub fn phases(record: &Record) -> [(&'static str, f64); 6] {
    [
        ("forward, call by call", record.forward),
        ("input gradient, call by call", record.input_gradient),
        ("ASMA step, call by call", record.asma_step),
        ("iteration, one-forward", record.one_forward_iteration),
        ("iteration, two-forward", record.two_forward_iteration),
        (
            "from the start to the end of the first iteration",
            record.first_iteration_after,
        ),
    ]
}
