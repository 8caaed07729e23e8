//! What a job runs on, as its caller has it.

use std::sync::Arc;

use crate::cpu::CpuExecutor;
use crate::error::Result;
use crate::gpu::{Capabilities, DeviceChoice, GpuDevice, GpuExecutor, GpuOptions};
use crate::network::Precision;
use crate::program::{Executor, Program};

/// What a job runs on.
pub trait Device {
    /// How the network's values are stored on it, where the settings say `wanted`. It is asked once network and image have
    /// been read and before the attack is planned: who opens a device for this job alone opens it here.
    ///
    /// # Errors
    /// If there is no such device.
    fn precision(&mut self, wanted: Precision) -> Result<Precision> {
        Ok(wanted)
    }

    /// What runs the planned attack.
    ///
    /// # Errors
    /// If the device cannot run it.
    fn executor(&mut self, program: &Arc<Program>) -> Result<Box<dyn Executor>>;
}

/// The CPU.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnCpu;

impl Device for OnCpu {
    fn executor(&mut self, program: &Arc<Program>) -> Result<Box<dyn Executor>> {
        Ok(Box::new(CpuExecutor::new(program.clone())?))
    }
}

/// A device by its name, opened once for all that runs on it. Copies share it.
#[derive(Clone, Debug)]
pub struct NamedDevice {
    choice: DeviceChoice,
    /// Nothing for the CPU.
    gpu: Option<GpuDevice>,
}

impl NamedDevice {
    /// Opens it. Where [`DeviceChoice::Auto`] finds a GPU that cannot be opened it takes the CPU, and logs why.
    ///
    /// # Errors
    /// If there is no such device, it cannot be opened, or this process was forked from one that has computed.
    pub fn open(choice: DeviceChoice) -> Result<NamedDevice> {
        crate::threads::start()?;
        let gpu = match GpuDevice::open(&choice, Capabilities::Full) {
            Err(error) if choice == DeviceChoice::Auto => {
                log::warn!("the GPU cannot be used: {error}");
                None
            }
            opened => opened?,
        };
        Ok(NamedDevice { choice, gpu })
    }

    /// The name that it was opened by.
    pub fn choice(&self) -> &DeviceChoice {
        &self.choice
    }

    /// What it is, in one line.
    pub fn describe(&self) -> String {
        self.gpu.as_ref().map_or("CPU".into(), GpuDevice::describe)
    }

    /// What runs a program on it. Where [`DeviceChoice::Auto`] found a GPU that does not take it that is the CPU, and why is
    /// logged.
    ///
    /// # Errors
    /// If the device cannot run it, or this process was forked from one that has computed.
    pub fn runner(&self, program: &Arc<Program>) -> Result<Box<dyn Executor + Send>> {
        // The threads of a process that was forked since are gone.
        crate::threads::start()?;
        let on_gpu = self
            .gpu
            .as_ref()
            .map(|gpu| GpuExecutor::new(gpu.clone(), program, &GpuOptions::default()));
        match on_gpu {
            Some(Ok(executor)) => return Ok(Box::new(executor)),
            Some(Err(error)) if self.choice != DeviceChoice::Auto => return Err(error),
            Some(Err(error)) => log::warn!("the GPU cannot be used: {error}"),
            None => {}
        }
        Ok(Box::new(CpuExecutor::new(program.clone())?))
    }
}

impl Device for NamedDevice {
    fn executor(&mut self, program: &Arc<Program>) -> Result<Box<dyn Executor>> {
        Ok(self.runner(program)?)
    }
}
