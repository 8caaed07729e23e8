//! What a page computes on.

use std::sync::Arc;

use asma::cpu::CpuExecutor;
use asma::error::{Error, Result};
use asma::gpu::{Capabilities, DeviceChoice, GpuDevice, GpuExecutor, GpuOptions};
use asma::job::Device;
use asma::program::{Executor, Program};

use crate::yielding::Yielding;

/// The GPU, or else the CPU with the reason why.
///
/// # Errors
/// If a GPU alone is wanted and there is none, or the choice is unknown.
pub async fn open(choice: &str) -> Result<(Option<GpuDevice>, String)> {
    match choice {
        "cpu" => Ok((None, "it was asked for".into())),
        "gpu" => {
            let gpu = GpuDevice::open_async(&DeviceChoice::Gpu, Capabilities::Full).await?;
            Ok((gpu, String::new()))
        }
        "auto" => match GpuDevice::open_async(&DeviceChoice::Auto, Capabilities::Full).await {
            Ok(Some(gpu)) => Ok((Some(gpu), String::new())),
            Ok(None) => Ok((None, "this browser shows no hardware GPU through WebGPU".into())),
            Err(error) => Ok((None, error.to_string())),
        },
        other => Err(Error::Usage(format!("device `{other}`: want auto, gpu or cpu"))),
    }
}

/// A GPU, or the CPU if there is none.
pub struct Chosen(pub Option<GpuDevice>);

impl Device for Chosen {
    fn executor(&mut self, program: &Arc<Program>) -> Result<Box<dyn Executor>> {
        Ok(match &self.0 {
            Some(gpu) => Box::new(GpuExecutor::new(gpu.clone(), program, &GpuOptions::default())?),
            None => Box::new(Yielding::new(CpuExecutor::new(program.clone())?)),
        })
    }
}
