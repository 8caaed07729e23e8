//! What benches do alike: open the device, print where and when, save the raw numbers.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use asma::gpu::{Capabilities, DeviceChoice, GpuDevice};
use clap::Args;
use serde::Serialize;

/// The options of every bench.
#[derive(Args)]
pub struct Options {
    /// gpu, a number or part of a name.
    #[arg(long, default_value = "gpu")]
    pub device: DeviceChoice,
    /// Write the raw numbers into this folder.
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = "benches/results")]
    pub save: Option<PathBuf>,
    /// Given by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

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
