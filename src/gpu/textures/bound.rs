//! What the passes bind, and how.

use crate::error::{Error, Result};
use crate::gpu::{GpuDevice, GpuExecutor};
use crate::kernels::Element;
use crate::program::{BufferId, Place};

/// What a pass does with a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// The buffer of an image that stands there.
pub(super) fn floats(executor: &GpuExecutor, place: Place, access: Access) -> Result<&wgpu::Buffer> {
    let end = usize::try_from(place.view.end(place.shape.into())).unwrap_or(usize::MAX);
    words(executor, place.buffer, end, access)
}

/// A buffer that holds at least so many words.
pub(super) fn words(
    executor: &GpuExecutor,
    id: BufferId,
    count: usize,
    access: Access,
) -> Result<&wgpu::Buffer> {
    let (buffer, description) = executor.check_range(id, 0, count)?;
    if access == Access::Write {
        description.check_writable()?;
    }
    match description.element {
        Element::Word => Ok(buffer),
        Element::Half => Err(Error::Usage(format!(
            "buffer `{}` holds float16; an image that a texture shows or fills is float32",
            description.name
        ))),
    }
}

/// The parameters of a pass.
pub(super) fn uniform() -> wgpu::BindingType {
    wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Uniform,
        has_dynamic_offset: false,
        min_binding_size: None,
    }
}

/// A buffer of the program.
pub(super) fn storage(access: Access) -> wgpu::BindingType {
    wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Storage {
            read_only: access == Access::Read,
        },
        has_dynamic_offset: false,
        min_binding_size: None,
    }
}

/// Entries of a layout, in the order of their bindings.
pub(super) fn entries(
    visibility: wgpu::ShaderStages,
    types: impl IntoIterator<Item = wgpu::BindingType>,
) -> Vec<wgpu::BindGroupLayoutEntry> {
    let entry = |(binding, ty)| wgpu::BindGroupLayoutEntry {
        binding,
        visibility,
        ty,
        count: None,
    };
    (0..).zip(types).map(entry).collect()
}

/// What is bound, in the same order.
pub(super) fn numbered<'a>(
    resources: impl IntoIterator<Item = wgpu::BindingResource<'a>>,
) -> Vec<wgpu::BindGroupEntry<'a>> {
    let entry = |(binding, resource)| wgpu::BindGroupEntry { binding, resource };
    (0..).zip(resources).map(entry).collect()
}

/// A buffer of these parameters.
pub(super) fn parameters(gpu: &GpuDevice, bytes: &[u8]) -> wgpu::Buffer {
    let buffer = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("parameters of a texture"),
        size: bytes.len() as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.queue().write_buffer(&buffer, 0, bytes);
    buffer
}
