//! Calls that run only on a condition: the device itself decides, and dispatches them with no workgroups if they are
//! not to run.

use bytemuck::{Pod, Zeroable};

use super::device::GpuDevice;
use super::pipelines::{Pipeline, compile};
use crate::error::Result;
use crate::kernels::{Binding, Extent, Kernel, Kind, View};
use crate::program::Condition;

const SHADER: &str = concat!(
    include_str!("../../shaders/shared/view.wgsl"),
    include_str!("../../shaders/shared/condition.wgsl")
);

/// What the shader binds, in the terms of kernels.
const KERNEL: Kernel = {
    const fn words(name: &'static str) -> Binding {
        Binding {
            name,
            kind: Kind::Word,
        }
    }
    Kernel {
        name: "condition",
        entry_point: "decide",
        reads: &[words("words"), words("grids")],
        writes: &[words("arguments")],
    }
};

/// The shader's parameters.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    words: View,
    extent: Extent,
    first_word: u32,
    word_count: u32,
}

/// Bytes of the arguments of one indirect dispatch.
const ARGUMENTS: u64 = 12;

/// Where a call finds its number of workgroups.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Which of the conditions.
    pub(super) condition: usize,
    /// Of its arguments in the buffer, in bytes.
    pub(super) offset: u64,
}

/// The conditions of a program, each with the calls that depend on it.
#[derive(Debug)]
pub(super) struct Conditions {
    pipeline: wgpu::ComputePipeline,
    bindings: Vec<wgpu::BindGroup>,
    arguments: wgpu::Buffer,
}

impl Conditions {
    /// Of calls with these conditions and numbers of workgroups, in the program's order; for each of them, its
    /// place. Calls of one condition must follow one another.
    pub(super) fn new(
        gpu: &GpuDevice,
        calls: &[(Condition, [u32; 3])],
        buffers: &[wgpu::Buffer],
    ) -> Result<(Conditions, Vec<Place>)> {
        gpu.catch("preparing conditional calls", || {
            let device = gpu.device();
            let Pipeline { pipeline, layout } =
                compile(gpu, &KERNEL, SHADER, wgpu::ShaderRuntimeChecks::unchecked());
            let buffer = |label, size: u64, usage| {
                device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some(label),
                    size,
                    usage,
                    mapped_at_creation: false,
                })
            };
            let bytes = ARGUMENTS * calls.len().max(1) as u64;
            let written = wgpu::BufferUsages::COPY_DST;
            let grids = buffer(
                "numbers of workgroups",
                bytes,
                written | wgpu::BufferUsages::STORAGE,
            );
            let words: Vec<u32> = calls.iter().flat_map(|(_, grid)| *grid).collect();
            gpu.queue().write_buffer(&grids, 0, bytemuck::cast_slice(&words));
            let arguments = buffer(
                "arguments of conditional calls",
                bytes,
                wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::INDIRECT,
            );
            let mut places = Vec::with_capacity(calls.len());
            let mut bindings = Vec::new();
            for (condition, first, count) in runs(calls) {
                let params = Params {
                    words: condition.view,
                    extent: condition.extent,
                    first_word: 3 * first as u32,
                    word_count: 3 * count as u32,
                };
                let uniform = buffer(
                    "condition",
                    size_of::<Params>() as u64,
                    written | wgpu::BufferUsages::UNIFORM,
                );
                gpu.queue().write_buffer(&uniform, 0, bytemuck::bytes_of(&params));
                places.extend((first..first + count).map(|call| Place {
                    condition: bindings.len(),
                    offset: ARGUMENTS * call as u64,
                }));
                let entries: Vec<_> = [&uniform, &buffers[condition.buffer.0], &grids, &arguments]
                    .into_iter()
                    .zip(0..)
                    .map(|(buffer, binding)| wgpu::BindGroupEntry {
                        binding,
                        resource: buffer.as_entire_binding(),
                    })
                    .collect();
                bindings.push(device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some("condition"),
                    layout: &layout,
                    entries: &entries,
                }));
            }
            let conditions = Conditions {
                pipeline,
                bindings,
                arguments,
            };
            (conditions, places)
        })
    }

    /// Records the decision on a condition.
    pub(super) fn decide(&self, pass: &mut wgpu::ComputePass<'_>, condition: usize) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bindings[condition], &[]);
        pass.dispatch_workgroups(1, 1, 1);
    }

    /// Records a dispatch of what was decided.
    pub(super) fn dispatch(&self, pass: &mut wgpu::ComputePass<'_>, place: Place) {
        pass.dispatch_workgroups_indirect(&self.arguments, place.offset);
    }
}

/// Each condition with the first of its calls and their number.
fn runs(calls: &[(Condition, [u32; 3])]) -> Vec<(Condition, usize, usize)> {
    let mut runs: Vec<(Condition, usize, usize)> = Vec::new();
    for (index, (condition, _)) in calls.iter().enumerate() {
        match runs.last_mut() {
            Some((last, _, count)) if last == condition => *count += 1,
            _ => runs.push((*condition, index, 1)),
        }
    }
    runs
}
