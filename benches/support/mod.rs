//! What all benches do alike: open the device, time two forms in turn, print, save the raw numbers.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use asma::gpu::{Capabilities, DeviceChoice, GpuDevice};
use asma::wgpu;
use serde::Serialize;

/// The device that `choice` names, with all its limits.
pub fn open_device(choice: &DeviceChoice) -> Result<GpuDevice> {
    GpuDevice::open(choice, Capabilities::Full)?
        .with_context(|| format!("--device {choice} is no GPU; want gpu, a number or part of a name"))
}

/// Where and when numbers were measured.
#[derive(Serialize)]
pub struct Circumstances {
    /// What repeats the measurement.
    pub command: String,
    /// Year, month, day, in UTC.
    pub date: String,
    pub device: String,
    pub backend: String,
    pub driver: String,
    /// Threads of the host, on which a software rasteriser runs.
    pub host_threads: usize,
}

impl Circumstances {
    pub fn new(gpu: &GpuDevice, command: String) -> Result<Self> {
        let info = gpu.info();
        Ok(Circumstances {
            command,
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            device: info.name.clone(),
            backend: info.backend.to_string(),
            driver: format!("{} {}", info.driver, info.driver_info),
            host_threads: std::thread::available_parallelism()?.get(),
        })
    }

    pub fn print(&self) {
        println!("command  {}", self.command);
        println!("date     {}", self.date);
        println!(
            "device   {} ({}), {} host threads",
            self.device, self.backend, self.host_threads
        );
        println!("driver   {}", self.driver);
    }

    /// Writes `record` to `<date>-<device>-<bench>.json` in `folder`, and says so.
    pub fn save(&self, folder: &Path, bench: &str, record: &impl Serialize) -> Result<PathBuf> {
        let words = self.device.split(|letter: char| !letter.is_ascii_alphanumeric());
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        let device = words.join("-").to_ascii_lowercase();
        let path = folder.join(format!("{}-{device}-{bench}.json", self.date));
        std::fs::create_dir_all(folder)?;
        asma::files::write_atomically(&path, |file| {
            serde_json::to_writer_pretty(&mut *file, record)?;
            std::io::Write::write_all(file, b"\n")
        })?;
        Ok(path)
    }
}

/// Seconds of each sample of two forms that were run in turn.
#[derive(Serialize)]
pub struct Pairs {
    pub first: Vec<f64>,
    pub second: Vec<f64>,
}

impl Pairs {
    /// Times `first` and `second` in turn, `count` times each. What else the machine does hits both alike.
    pub fn measure(
        count: usize,
        mut first: impl FnMut() -> Result<f64>,
        mut second: impl FnMut() -> Result<f64>,
    ) -> Result<Pairs> {
        let mut pairs = Pairs {
            first: Vec::new(),
            second: Vec::new(),
        };
        for _ in 0..count {
            pairs.first.push(first()?);
            pairs.second.push(second()?);
        }
        Ok(pairs)
    }

    /// How many times longer the second form takes, pair by pair.
    pub fn ratios(&self) -> Vec<f64> {
        let pairs = self.first.iter().zip(&self.second);
        pairs.map(|(first, second)| second / first).collect()
    }
}

/// The middle value; of an even number, the mean of the middle two. NaN of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
        (Some(low), Some(high)) if sorted.len().is_multiple_of(2) => (low + high) / 2.0,
        (_, Some(value)) => *value,
        _ => f64::NAN,
    }
}

/// Seconds from submitting what `record` records until the device has done it. Recording is not counted.
pub fn time(gpu: &GpuDevice, record: impl FnOnce(&mut wgpu::CommandEncoder)) -> Result<f64> {
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    record(&mut encoder);
    let commands = encoder.finish();
    let start = Instant::now();
    let submission = gpu.queue().submit([commands]);
    gpu.device().poll(wgpu::PollType::Wait {
        submission_index: Some(submission),
        timeout: None,
    })?;
    Ok(start.elapsed().as_secs_f64())
}
