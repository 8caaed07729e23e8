//! What a job runs on, as its caller has it.

use std::sync::Arc;

use crate::cpu::CpuExecutor;
use crate::error::Result;
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
