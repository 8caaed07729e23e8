//! What a program needs of a device, known before anything is allocated.

use crate::error::{Error, Result};
use crate::program::{Buffer, Program};

/// Bytes of a buffer on the device: whole vectors of 4 words, as some shaders load them.
pub(super) fn padded_bytes(buffer: &Buffer) -> u64 {
    buffer.bytes().next_multiple_of(16)
}

/// The limits that a device must have for `program`, no larger than needed above the defaults.
pub fn required_limits(program: &Program) -> wgpu::Limits {
    let largest = program.largest_buffer().map_or(0, padded_bytes);
    let defaults = wgpu::Limits::default();
    wgpu::Limits {
        max_storage_buffer_binding_size: defaults.max_storage_buffer_binding_size.max(largest),
        max_buffer_size: defaults.max_buffer_size.max(largest),
        ..defaults
    }
}

/// Checks `program` against a device's limits before anything is allocated.
///
/// # Errors
/// [`Error::Limit`] with the first tensor that does not fit, its bytes and the limit; [`Error::Device`] if a
/// call needs more workgroups than the device can dispatch.
pub fn check_limits(program: &Program, limits: &wgpu::Limits) -> Result<()> {
    for buffer in program.buffers() {
        let bytes = padded_bytes(buffer);
        let (limit, limit_name) = [
            (
                limits.max_storage_buffer_binding_size,
                "max_storage_buffer_binding_size",
            ),
            (limits.max_buffer_size, "max_buffer_size"),
        ]
        .into_iter()
        .min_by_key(|(limit, _)| *limit)
        .unwrap_or((u64::MAX, ""));
        if bytes > limit {
            return Err(Error::Limit {
                tensor: buffer.name.clone(),
                bytes,
                limit,
                limit_name,
            });
        }
    }
    let most = limits.max_compute_workgroups_per_dimension;
    for call in program.calls() {
        let specialisation = program.specialisation(call, None);
        for way in call.params.ways(&specialisation) {
            if let Some(workgroups) = way.grid.into_iter().find(|&count| count > most) {
                return Err(Error::Device(format!(
                    "`{}` needs {workgroups} workgroups along one side of its dispatch, and the device allows \
                     {most}; use a smaller input or batch, or the CPU",
                    call.label
                )));
            }
        }
    }
    Ok(())
}
