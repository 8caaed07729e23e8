//! How long each call takes on the device itself, by timestamps at the ends of compute passes.

use super::arrival::Arrival;
use super::device::GpuDevice;
use super::runner::GpuExecutor;
use crate::error::{Error, Result};
use crate::program::CallId;

/// Calls whose timestamps one query set holds, two each.
const CALLS_AT_ONCE: usize = wgpu::QUERY_SET_MAX_QUERIES as usize / 2;

impl GpuExecutor {
    /// The seconds that each call took on the device, run in order, each in a compute pass of its own: what a
    /// call costs alone, without the overlap with its neighbours that [`GpuExecutor::encode`] leaves the
    /// device free to make.
    ///
    /// # Errors
    /// If the device was opened without [`wgpu::Features::TIMESTAMP_QUERY`] (see
    /// [`optional_features`](super::optional_features)), or fails.
    pub fn time_calls(&mut self, calls: &[CallId]) -> Result<Vec<f64>> {
        let gpu = self.gpu().clone();
        if !gpu.device().features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Err(Error::Device(format!(
                "{} was opened without timestamp queries, so that single calls cannot be timed",
                gpu.info().name
            )));
        }
        let mut seconds = Vec::with_capacity(calls.len());
        for piece in calls.chunks(CALLS_AT_ONCE) {
            let ticks = self.ticks(&gpu, piece)?;
            let period = 1e-9 * f64::from(gpu.queue().get_timestamp_period());
            let spans = ticks.chunks_exact(2);
            seconds.extend(spans.map(|span| period * span[1].saturating_sub(span[0]) as f64));
        }
        Ok(seconds)
    }

    /// The device's clock before and after each call.
    fn ticks(&self, gpu: &GpuDevice, calls: &[CallId]) -> Result<Vec<u64>> {
        let count = 2 * calls.len() as u32;
        let bytes = u64::from(count) * u64::from(wgpu::QUERY_SIZE);
        let (sender, mapped) = Arrival::new();
        let staging = gpu.catch("timing calls", || {
            let buffer = |label, usage| {
                gpu.device().create_buffer(&wgpu::BufferDescriptor {
                    label: Some(label),
                    size: bytes,
                    usage,
                    mapped_at_creation: false,
                })
            };
            let queries = gpu.device().create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("calls"),
                ty: wgpu::QueryType::Timestamp,
                count,
            });
            let resolved = buffer(
                "timestamps",
                wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            );
            let staging = buffer(
                "timestamps to read",
                wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            );
            let mut encoder = gpu.device().create_command_encoder(&Default::default());
            for (&call, first) in calls.iter().zip((0..count).step_by(2)) {
                let timestamps = wgpu::ComputePassTimestampWrites {
                    query_set: &queries,
                    beginning_of_pass_write_index: Some(first),
                    end_of_pass_write_index: Some(first + 1),
                };
                self.encode_pass(&mut encoder, &[call], Some(timestamps));
            }
            encoder.resolve_query_set(&queries, 0..count, &resolved, 0);
            encoder.copy_buffer_to_buffer(&resolved, 0, &staging, 0, bytes);
            gpu.queue().submit([encoder.finish()]);
            staging.map_async(wgpu::MapMode::Read, .., move |result| {
                // Nobody waits any more if waiting failed.
                let _ = sender.send(result);
            });
            staging
        })?;
        let failed = |problem: String| Error::Device(format!("reading timestamps failed: {problem}"));
        mapped.wait(gpu)?.map_err(|error| failed(error.to_string()))?;
        let mapped = staging
            .get_mapped_range(..)
            .map_err(|error| failed(error.to_string()))?;
        Ok(bytemuck::pod_collect_to_vec(&mapped[..]))
    }
}
