//! What a GPU can do at most, measured.

use super::device::GpuDevice;
use super::pipelines::compile;
use super::timing::time_passes;
use crate::error::Result;
use crate::kernels::{Binding, Kernel, Kind, MatrixUnits, Specialisation, fold};
use crate::program::Ceilings;

const SHADER: &str = include_str!("../../shaders/shared/ceilings.wgsl");

/// What multiplies matrices.
const MATRIX: &str = include_str!("../../shaders/shared/matrix_ceiling.wgsl");

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
/// As many as write to places of their own in a buffer of [`COPIED_BYTES`].
const MOST_WORKGROUPS: u32 = 1 << 14;

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
    let multiply_adds = passes.workgroups_per_second(gpu, &passes.multiply_add)?;
    let products = match (&passes.multiply_matrices, gpu.matrix_units()) {
        (Some(pipeline), Some(units)) => {
            let rate = passes.workgroups_per_second(gpu, pipeline)?;
            Some(rate * matrix_operations(units) as f64)
        }
        _ => None,
    };
    Ok(Ceilings {
        bytes_per_second: 2.0 * bytes as f64 / copying,
        flops_per_second: multiply_adds * (OPERATIONS * WORKGROUP) as f64,
        matrix_flops_per_second: products,
    })
}

/// Threads of a workgroup that multiplies matrices, as in the shader.
const MATRIX_WORKGROUP: u64 = 128;

/// Operations of a workgroup that multiplies matrices: rounds, products in each, multiplications and additions of one,
/// subgroups.
fn matrix_operations(units: MatrixUnits) -> u64 {
    let side = u64::from(units.tile);
    64 * 4 * 2 * side.pow(3) * (MATRIX_WORKGROUP / u64::from(units.subgroup))
}

/// What the shader's entry points bind, in the terms of kernels; they have no parameters.
const fn kernel(entry_point: &'static str) -> Kernel {
    Kernel {
        name: "ceilings",
        entry_point,
        reads: &[Binding {
            name: "source",
            kind: Kind::Float,
        }],
        writes: &[Binding {
            name: "sink",
            kind: Kind::Float,
        }],
    }
}

struct Passes {
    copy: wgpu::ComputePipeline,
    multiply_add: wgpu::ComputePipeline,
    multiply_matrices: Option<wgpu::ComputePipeline>,
    bindings: wgpu::BindGroup,
}

impl Passes {
    fn new(gpu: &GpuDevice, bytes: u64) -> Passes {
        let device = gpu.device();
        let [copy, multiply_add] = ["copy", "multiply_add"].map(|entry_point| {
            // Without checks, as kernels run.
            let checks = wgpu::ShaderRuntimeChecks::unchecked();
            compile(gpu, &kernel(entry_point), SHADER, checks)
        });
        let multiply_matrices = gpu.matrix_units().map(|_| {
            let specialisation = Specialisation {
                matrix_units: gpu.matrix_units(),
                ..Default::default()
            };
            let kernel = kernel("multiply_matrices");
            let source = specialisation.prelude(&kernel, true) + MATRIX;
            let checks = wgpu::ShaderRuntimeChecks::unchecked();
            compile(gpu, &kernel, &source, checks)
        });
        let buffer = |size, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("ceilings"),
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        let buffers = [
            buffer(16, wgpu::BufferUsages::UNIFORM),
            buffer(bytes, wgpu::BufferUsages::STORAGE),
            buffer(bytes, wgpu::BufferUsages::STORAGE),
        ];
        let entries: Vec<_> = (0..)
            .zip(&buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("ceilings"),
            layout: &copy.layout,
            entries: &entries,
        });
        Passes {
            copy: copy.pipeline,
            multiply_add: multiply_add.pipeline,
            multiply_matrices: multiply_matrices.map(|matrices| matrices.pipeline),
            bindings,
        }
    }

    /// Workgroups of `pipeline` in a second, of dispatches long enough to tell.
    fn workgroups_per_second(&self, gpu: &GpuDevice, pipeline: &wgpu::ComputePipeline) -> Result<f64> {
        let mut workgroups = 64;
        let mut seconds = self.fastest(gpu, pipeline, workgroups)?;
        while seconds < LONG_ENOUGH && workgroups < MOST_WORKGROUPS {
            workgroups *= 4;
            seconds = self.fastest(gpu, pipeline, workgroups)?;
        }
        Ok(f64::from(workgroups) / seconds)
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
