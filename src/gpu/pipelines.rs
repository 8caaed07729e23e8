//! Shader modules and pipelines: each distinct specialised source is compiled once.

use std::borrow::Cow;
use std::collections::HashMap;

use super::device::GpuDevice;
use super::variants::runtime_checks;
use crate::error::Result;
use crate::kernels::{Kernel, Specialisation, Way};

/// A compiled kernel.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) layout: wgpu::BindGroupLayout,
}

/// The compiled kernels of one executor.
#[derive(Debug, Default)]
pub(super) struct Pipelines {
    compiled: HashMap<(&'static str, String), Pipeline>,
    /// Keep naga's run-time checks (bounds, loops, division) in the shaders.
    checked: bool,
}

impl Pipelines {
    pub(super) fn new(checked: bool) -> Self {
        Pipelines {
            compiled: HashMap::new(),
            checked,
        }
    }

    /// The pipeline for one way to run a call of `kernel`.
    pub(super) fn get(
        &mut self,
        gpu: &GpuDevice,
        kernel: &'static Kernel,
        way: &Way,
        specialisation: &Specialisation,
    ) -> Result<Pipeline> {
        let source = way.source(specialisation);
        if let Some(pipeline) = self.compiled.get(&(kernel.entry_point, source.clone())) {
            return Ok(pipeline.clone());
        }
        let checks = runtime_checks(way, self.checked);
        let what = format!("compiling kernel {} ({})", kernel.entry_point, way.name);
        let pipeline = gpu.catch(&what, || compile(gpu.device(), kernel, &source, checks))?;
        self.compiled
            .insert((kernel.entry_point, source), pipeline.clone());
        Ok(pipeline)
    }
}

/// Compiles one entry point; the source must keep inside its buffers if the checks are off.
pub(super) fn compile(
    device: &wgpu::Device,
    kernel: &Kernel,
    source: &str,
    checks: wgpu::ShaderRuntimeChecks,
) -> Pipeline {
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(kernel.entry_point),
        source: wgpu::ShaderSource::Wgsl(for_front_end(device, source)),
    };
    // SAFETY: the source is one of this crate's own shaders, and a program is proved to give it only views inside
    // their buffers. Tests run every kernel also with the checks on and compare: an access out of bounds, which
    // the checks would clamp, would show as a difference. The two entry points that measure
    // a device's ceilings keep below `arrayLength`.
    let module = unsafe { device.create_shader_module_trusted(descriptor, checks) };
    let storage = |read_only| wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Storage { read_only },
        has_dynamic_offset: false,
        min_binding_size: None,
    };
    let uniform = wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Uniform,
        has_dynamic_offset: false,
        min_binding_size: None,
    };
    let entries: Vec<_> = std::iter::once(uniform)
        .chain(kernel.reads.iter().map(|_| storage(true)))
        .chain(kernel.writes.iter().map(|_| storage(false)))
        .zip(0..)
        .map(|(ty, binding)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty,
            count: None,
        })
        .collect();
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some(kernel.entry_point),
        entries: &entries,
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(kernel.entry_point),
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(kernel.entry_point),
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some(kernel.entry_point),
        // Kernels write their workgroup memory before they read it.
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &[],
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    });
    Pipeline { pipeline, layout }
}

/// The source as the device's own front end wants it: a browser's wants subgroups to be enabled, naga refuses that.
fn for_front_end<'s>(device: &wgpu::Device, source: &'s str) -> Cow<'s, str> {
    let is_browser = device.adapter_info().backend == wgpu::Backend::BrowserWebGpu;
    match is_browser && device.features().contains(wgpu::Features::SUBGROUP) {
        true => Cow::Owned(format!("enable subgroups;\n{source}")),
        false => Cow::Borrowed(source),
    }
}
