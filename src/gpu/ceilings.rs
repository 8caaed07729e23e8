//! What a GPU can do at most, measured.

use super::device::GpuDevice;
use super::timing::time_passes;
use crate::error::Result;
use crate::kernels::fold;
use crate::program::Ceilings;

const SHADER: &str = include_str!("../../shaders/shared/ceilings.wgsl");

/// Threads of a workgroup, as the shader has it.
const WORKGROUP: u64 = 256;
/// Floating-point operations of a thread: rounds, sums, numbers in each, multiplication and addition.
const OPERATIONS: u64 = 128 * 8 * 4 * 2;
/// Bytes of a copied buffer where the device allows as many: more than caches hold.
const COPIED_BYTES: u64 = 64 << 20;
/// Passes of which the fastest counts.
const ROUNDS: usize = 5;
/// A pass this long is not decided by its start.
const LONG_ENOUGH: f64 = 0.01;
const MOST_WORKGROUPS: u32 = 1 << 16;

/// Copies buffers and makes multiply-adds as fast as the device does.
///
/// # Errors
/// As [`time_passes`].
pub(super) fn measure(gpu: &GpuDevice) -> Result<Ceilings> {
    let limits = gpu.device().limits();
    let bytes = COPIED_BYTES
        .min(limits.max_buffer_size)
        .min(limits.max_storage_buffer_binding_size);
    let passes = gpu.catch("measuring the device", || Passes::new(gpu, bytes))?;
    let copying = passes.fastest(gpu, &passes.copy, (bytes / 16).div_ceil(WORKGROUP) as u32)?;
    let mut workgroups = 64;
    let mut computing = passes.fastest(gpu, &passes.multiply_add, workgroups)?;
    while computing < LONG_ENOUGH && workgroups < MOST_WORKGROUPS {
        workgroups *= 4;
        computing = passes.fastest(gpu, &passes.multiply_add, workgroups)?;
    }
    Ok(Ceilings {
        bytes_per_second: 2.0 * bytes as f64 / copying,
        flops_per_second: (OPERATIONS * WORKGROUP * u64::from(workgroups)) as f64 / computing,
    })
}

struct Passes {
    copy: wgpu::ComputePipeline,
    multiply_add: wgpu::ComputePipeline,
    bindings: wgpu::BindGroup,
}

impl Passes {
    fn new(gpu: &GpuDevice, bytes: u64) -> Passes {
        let device = gpu.device();
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("ceilings"),
            source: wgpu::ShaderSource::Wgsl(SHADER.into()),
        });
        let entries = [true, false].map(|read_only| wgpu::BindGroupLayoutEntry {
            binding: u32::from(!read_only),
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Storage { read_only },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        });
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("ceilings"),
            entries: &entries,
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("ceilings"),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = |entry_point| {
            device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(entry_point),
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some(entry_point),
                compilation_options: Default::default(),
                cache: None,
            })
        };
        let buffers = [0, 1].map(|_| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("ceilings"),
                size: bytes,
                usage: wgpu::BufferUsages::STORAGE,
                mapped_at_creation: false,
            })
        });
        let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("ceilings"),
            layout: &layout,
            entries: &[0, 1].map(|binding: u32| wgpu::BindGroupEntry {
                binding,
                resource: buffers[binding as usize].as_entire_binding(),
            }),
        });
        Passes {
            copy: pipeline("copy"),
            multiply_add: pipeline("multiply_add"),
            bindings,
        }
    }

    /// Seconds of the fastest of several passes of one dispatch.
    fn fastest(&self, gpu: &GpuDevice, pipeline: &wgpu::ComputePipeline, workgroups: u32) -> Result<f64> {
        let seconds = time_passes(gpu, ROUNDS, |encoder, _, timestamp_writes| {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: Some("ceilings"),
                timestamp_writes,
            });
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &self.bindings, &[]);
            let [x, y] = fold(workgroups);
            pass.dispatch_workgroups(x, y, 1);
        })?;
        Ok(seconds.into_iter().fold(f64::INFINITY, f64::min))
    }
}
