//! Shader modules and pipelines: each distinct specialised source is compiled once for a device, several at a time.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::compiled_pipelines::Text;
use super::device::GpuDevice;
#[cfg(feature = "files")]
use super::pipeline_cache::PipelineCache;
use super::variants::runtime_checks;
use crate::error::Result;
use crate::kernels::{Kernel, Specialisation, Way};

/// A compiled kernel.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) layout: wgpu::BindGroupLayout,
}

/// What to compile: one way to run a call of a kernel.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) kernel: &'static Kernel,
    pub(super) way: Way,
    pub(super) specialisation: Specialisation,
}

/// The pipelines of what is wanted, in the same order: each text is compiled once, and not again if the device keeps what it
/// was compiled to. And how many were compiled.
///
/// # Errors
/// The first text's that the device does not take.
pub(super) fn compile_all(
    gpu: &GpuDevice,
    wanted: &[Wanted],
    checked: bool,
) -> Result<(Vec<Pipeline>, usize)> {
    let texts: Vec<Text> = wanted
        .iter()
        .map(|one| Text {
            entry_point: one.kernel.entry_point,
            source: one.way.source(&one.specialisation),
            checked,
            bounded_loops: one.way.bounded_loops,
        })
        .collect();
    let mut found: HashMap<&Text, Option<Pipeline>> = HashMap::new();
    let mut missing: Vec<(&Text, &Wanted)> = Vec::new();
    for (text, one) in texts.iter().zip(wanted) {
        found.entry(text).or_insert_with(|| {
            let kept = gpu.compiled_pipelines().get(text);
            if kept.is_none() {
                missing.push((text, one));
            }
            kept
        });
    }
    let compiled = in_parallel(&missing, |(text, Wanted { kernel, way, .. })| {
        let what = format!("compiling kernel {} ({})", kernel.entry_point, way.name);
        gpu.catch(&what, || {
            compile(gpu, kernel, &text.source, runtime_checks(way, checked))
        })
    });
    let count = compiled.len();
    // A browser says later whether it takes a text.
    let at_once = gpu.info().backend != wgpu::Backend::BrowserWebGpu;
    for ((text, _), pipeline) in missing.into_iter().zip(compiled) {
        let pipeline = pipeline?;
        if at_once {
            gpu.compiled_pipelines().keep(text.clone(), pipeline.clone());
        }
        found.insert(text, Some(pipeline));
    }
    // None is missing any more.
    let pipelines = texts.iter().filter_map(|text| found[text].clone()).collect();
    Ok((pipelines, count))
}

/// Does `work` for each of `items` on as many threads as there are processors, on the calling one alone where there can be
/// no others. What comes of it stands in the order of the items.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let next = Mutex::new(0..items.len());
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let worker = || {
        loop {
            let taken = next.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(at) = taken else { return };
            let result = work(&items[at]);
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((at, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..processors.min(items.len()) {
            // One that the system does not give is not needed.
            let _ = std::thread::Builder::new().spawn_scoped(scope, worker);
        }
        worker();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|&(at, _)| at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Compiles one entry point; the source must keep inside its buffers if the checks are off.
pub(super) fn compile(
    gpu: &GpuDevice,
    kernel: &Kernel,
    source: &str,
    checks: wgpu::ShaderRuntimeChecks,
) -> Pipeline {
    let device = gpu.device();
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
    #[cfg(feature = "files")]
    let cache = gpu.pipeline_cache().map(PipelineCache::cache);
    #[cfg(not(feature = "files"))]
    let cache = None;
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
        cache,
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
