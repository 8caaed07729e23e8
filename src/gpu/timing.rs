//! How long passes take on the device itself, by timestamps at their ends.

use std::future::poll_fn;

use super::arrival::Arrival;
use super::device::GpuDevice;
use crate::error::{Error, Result};
use crate::program::wait;

/// Passes of one submission, few enough that no watchdog resets a slow GPU.
const PASSES_AT_ONCE: usize = 32;

/// The seconds that each of `count` compute passes took on the device. `record` records the pass of a number with
/// the timestamps that it is given.
///
/// # Errors
/// If the device was opened without [`wgpu::Features::TIMESTAMP_QUERY`] (see
/// [`optional_features`](super::optional_features)), or fails.
pub(super) fn time_passes(
    gpu: &GpuDevice,
    count: usize,
    mut record: impl FnMut(&mut wgpu::CommandEncoder, usize, Option<wgpu::ComputePassTimestampWrites<'_>>),
) -> Result<Vec<f64>> {
    if !gpu.device().features().contains(wgpu::Features::TIMESTAMP_QUERY) {
        return Err(Error::Device(format!(
            "{} was opened without timestamp queries, so that its work cannot be timed call by call",
            gpu.info().name
        )));
    }
    let period = 1e-9 * f64::from(gpu.queue().get_timestamp_period());
    let mut seconds = Vec::with_capacity(count);
    for first in (0..count).step_by(PASSES_AT_ONCE) {
        let passes = first..count.min(first + PASSES_AT_ONCE);
        let ticks = ticks(gpu, passes, &mut record)?;
        let spans = ticks.chunks_exact(2);
        seconds.extend(spans.map(|span| period * span[1].saturating_sub(span[0]) as f64));
    }
    Ok(seconds)
}

/// The device's clock before and after each pass.
fn ticks(
    gpu: &GpuDevice,
    passes: std::ops::Range<usize>,
    record: &mut impl FnMut(&mut wgpu::CommandEncoder, usize, Option<wgpu::ComputePassTimestampWrites<'_>>),
) -> Result<Vec<u64>> {
    let count = 2 * passes.len() as u32;
    let bytes = u64::from(count) * u64::from(wgpu::QUERY_SIZE);
    let (sender, mut mapped) = Arrival::new();
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
            label: Some("timestamps"),
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
        for (pass, first) in passes.zip((0..count).step_by(2)) {
            let timestamps = wgpu::ComputePassTimestampWrites {
                query_set: &queries,
                beginning_of_pass_write_index: Some(first),
                end_of_pass_write_index: Some(first + 1),
            };
            record(&mut encoder, pass, Some(timestamps));
        }
        encoder.resolve_query_set(&queries, 0..count, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &staging, 0, bytes);
        gpu.queue().submit([encoder.finish()]);
        staging.map_async(wgpu::MapMode::Read, .., move |result| sender.send(result));
        staging
    })?;
    let failed = |problem: String| Error::Device(format!("reading timestamps failed: {problem}"));
    let mapped = wait(poll_fn(|context| mapped.poll(gpu, context)))?;
    mapped.map_err(|error| failed(error.to_string()))?;
    let mapped = staging
        .get_mapped_range(..)
        .map_err(|error| failed(error.to_string()))?;
    Ok(bytemuck::pod_collect_to_vec(&mapped[..]))
}
