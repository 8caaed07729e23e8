//! The step as a framework runs it: the 44 launches that `shaders/asma_unfused.wgsl` lists in its head.

use std::collections::HashMap;
use std::num::NonZeroU64;

use asma::gpu::{GpuDevice, GpuExecutor, GpuOptions};
use asma::program::{BufferId, Builder, Executor};
use asma::{Error, Result, wgpu};
use bytemuck::{Pod, Zeroable};

use super::inputs::{BETA, CLASSES, Inputs, LAMBDA, Results, TAU};

const WORKGROUP: u32 = 256;
/// Most workgroups of the first launch of a reduction.
const REDUCTION_WORKGROUPS: u32 = 256;
/// Most workgroups in one dimension of a dispatch.
const MOST_WORKGROUPS: u32 = 65535;
/// Distance of the parameter structs in the uniform buffer, which any device allows.
const UNIFORM_SLOT: u64 = 256;

/// Where the reductions leave their results.
const LOSS: [u32; CLASSES] = [0, 1];
const LOSS_L2: u32 = 2;
const INTERSECTION: u32 = 3;
const UNION: u32 = 4;
const CORRECT: u32 = 5;
const SQUARED_L2: u32 = 6;
const LINF: u32 = 7;
const RESULTS: usize = 8;

/// The shader's uniform.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Params {
    length: u32,
    channels: u32,
    left_offset: u32,
    output_offset: u32,
    value: f32,
}

/// A tensor, or one plane of it.
#[derive(Clone, Copy)]
struct Tensor {
    buffer: BufferId,
    offset: u32,
    length: u32,
}

struct Launch {
    entry_point: &'static str,
    left: BufferId,
    right: BufferId,
    output: BufferId,
    params: Params,
    workgroups: [u32; 2],
    /// Elements read and written.
    traffic: u32,
}

/// The launches of one iteration.
struct Launches {
    all: Vec<Launch>,
    /// Partial results of a reduction.
    partial: BufferId,
    results: BufferId,
}

impl Launches {
    /// `output = f(left, value)`.
    fn unary(&mut self, entry_point: &'static str, left: Tensor, value: f32, output: Tensor) {
        self.elementwise(entry_point, left, None, value, output);
    }

    /// `output = f(left, right)`.
    fn binary(&mut self, entry_point: &'static str, left: Tensor, right: Tensor, output: Tensor) {
        self.elementwise(entry_point, left, Some(right), 0.0, output);
    }

    fn elementwise(
        &mut self,
        entry_point: &'static str,
        left: Tensor,
        right: Option<Tensor>,
        value: f32,
        output: Tensor,
    ) {
        let groups = output.length.div_ceil(WORKGROUP);
        let columns = groups.min(MOST_WORKGROUPS);
        self.all.push(Launch {
            entry_point,
            left: left.buffer,
            right: right.map_or(left.buffer, |right| right.buffer),
            output: output.buffer,
            params: Params {
                length: output.length,
                channels: left.length / output.length,
                left_offset: left.offset,
                output_offset: output.offset,
                value,
            },
            workgroups: [columns, groups.div_ceil(columns)],
            traffic: left.length + right.map_or(0, |right| right.length) + output.length,
        });
    }

    /// Two launches: workgroups leave partial results, one workgroup reduces those.
    fn reduce(&mut self, entry_point: &'static str, input: Tensor, result: u32) {
        let groups = input.length.div_ceil(WORKGROUP).min(REDUCTION_WORKGROUPS);
        let steps = [
            (input.buffer, input.length, self.partial, 0, groups),
            (self.partial, groups, self.results, result, 1),
        ];
        for (left, length, output, output_offset, groups) in steps {
            self.all.push(Launch {
                entry_point,
                left,
                right: left,
                output,
                params: Params {
                    length,
                    channels: 1,
                    left_offset: 0,
                    output_offset,
                    value: 0.0,
                },
                workgroups: [groups, 1],
                traffic: length + groups,
            });
        }
    }
}

/// Tensors of the size of the output and of the input.
struct Tensors {
    logits: Tensor,
    seed: Tensor,
    target: Tensor,
    gradient: Tensor,
    source: Tensor,
    adversarial: Tensor,
    predicted: Tensor,
    /// Temporaries, used again as a caching allocator hands out what was freed.
    pixels: [Tensor; 5],
    elements: [Tensor; 4],
}

impl Tensors {
    fn new(program: &mut Builder, inputs: &Inputs) -> Tensors {
        let mut add = |name, length: usize| Tensor {
            buffer: program.add_buffer(name, length),
            offset: 0,
            length: length as u32,
        };
        let (pixels, elements) = (inputs.target.len(), inputs.source.len());
        Tensors {
            logits: add("logits", CLASSES * pixels),
            seed: add("seed", CLASSES * pixels),
            target: add("target", pixels),
            gradient: add("gradient", elements),
            source: add("source image", elements),
            adversarial: add("adversarial image", elements),
            predicted: add("predicted labels", pixels),
            pixels: [(); 5].map(|()| add("temporary", pixels)),
            elements: [(); 4].map(|()| add("temporary", elements)),
        }
    }

    /// The plane of class `class` in the logits or the seed.
    fn plane(&self, tensor: Tensor, class: usize) -> Tensor {
        let length = self.target.length;
        Tensor {
            offset: class as u32 * length,
            length,
            ..tensor
        }
    }

    fn add_mask(&self, launches: &mut Launches) {
        launches.unary("argmax", self.logits, 0.0, self.predicted);
        let [wanted, found, missed, weighted, lost] = self.pixels;
        for (class, loss) in LOSS.into_iter().enumerate() {
            let logits = self.plane(self.logits, class);
            launches.unary("equal_to_value", self.target, class as f32, wanted);
            launches.unary("equal_to_value", self.predicted, class as f32, found);
            launches.unary("logical_not", found, 0.0, missed);
            launches.binary("multiply", logits, wanted, weighted);
            launches.binary("multiply", weighted, missed, lost);
            launches.reduce("reduce_sum", lost, loss);
            launches.binary("multiply", wanted, missed, self.plane(self.seed, class));
        }
        let [difference, square, ..] = self.elements;
        launches.binary("subtract", self.source, self.adversarial, difference);
        launches.unary("square", difference, 0.0, square);
        launches.reduce("reduce_sum", square, LOSS_L2);
    }

    fn add_update(&self, launches: &mut Launches) {
        let [difference, distance_gradient, ascent, _] = self.elements;
        launches.unary("scale", difference, 2.0 * LAMBDA, distance_gradient);
        launches.binary("add", self.gradient, distance_gradient, ascent);
        let [_, step, _, stepped] = self.elements;
        launches.unary("scale", ascent, TAU, step);
        launches.binary("add", self.adversarial, step, stepped);

        let [intersection, sum, union, correct, _] = self.pixels;
        launches.binary("multiply", self.predicted, self.target, intersection);
        launches.binary("add", self.predicted, self.target, sum);
        launches.unary("minimum", sum, 1.0, union);
        launches.reduce("reduce_sum", intersection, INTERSECTION);
        launches.reduce("reduce_sum", union, UNION);
        launches.binary("equal", self.predicted, self.target, correct);
        launches.reduce("reduce_sum", correct, CORRECT);

        let [difference, square, ..] = self.elements;
        launches.binary("subtract", self.source, stepped, difference);
        launches.unary("square", difference, 0.0, square);
        launches.reduce("reduce_sum", square, SQUARED_L2);
        launches.binary("subtract", self.source, stepped, difference);
        launches.unary("absolute", difference, 0.0, square);
        launches.reduce("reduce_max", square, LINF);
        launches.unary("clamp_to_unit", stepped, 0.0, self.adversarial);
    }
}

struct Prepared {
    pipeline: wgpu::ComputePipeline,
    bindings: wgpu::BindGroup,
    workgroups: [u32; 2],
}

pub struct Unfused {
    gpu: GpuDevice,
    /// Holds the buffers; has no calls.
    executor: GpuExecutor,
    tensors: Tensors,
    results: BufferId,
    prepared: Vec<Prepared>,
    uniforms: wgpu::Buffer,
    /// Byte in the uniforms where α stands.
    multiplier: u64,
    traffic: u64,
}

impl Unfused {
    pub fn new(gpu: GpuDevice, inputs: &Inputs) -> Result<Unfused> {
        let mut program = Builder::new();
        let tensors = Tensors::new(&mut program, inputs);
        let mut launches = Launches {
            all: Vec::new(),
            partial: program.add_buffer("partial results", REDUCTION_WORKGROUPS as usize),
            results: program.add_buffer("results", RESULTS),
        };
        tensors.add_mask(&mut launches);
        let update = launches.all.len() as u64;
        tensors.add_update(&mut launches);

        let mut executor = GpuExecutor::new(gpu.clone(), &program.finish()?, &GpuOptions::default())?;
        executor.write(tensors.logits.buffer, &inputs.logits)?;
        let target: Vec<f32> = inputs.target.iter().map(|&label| label as f32).collect();
        executor.write(tensors.target.buffer, &target)?;
        executor.write(tensors.gradient.buffer, &inputs.gradient)?;
        executor.write(tensors.source.buffer, &inputs.source)?;
        executor.write(tensors.adversarial.buffer, &inputs.adversarial)?;

        let uniforms = upload_parameters(&gpu, &launches.all);
        let prepared = prepare(&gpu, &executor, &uniforms, &launches.all)?;
        Ok(Unfused {
            tensors,
            results: launches.results,
            prepared,
            uniforms,
            // The third launch of the update scales by α.
            multiplier: (update + 2) * UNIFORM_SLOT + std::mem::offset_of!(Params, value) as u64,
            traffic: launches.all.iter().map(|launch| u64::from(launch.traffic)).sum(),
            gpu,
            executor,
        })
    }

    /// Kernel launches of an iteration.
    pub fn launches(&self) -> usize {
        self.prepared.len()
    }

    /// Bytes that the launches of one iteration read and write.
    pub fn bytes(&self) -> u64 {
        4 * self.traffic
    }

    /// Records iterations in one compute pass.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder, iterations: usize) {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for launch in (0..iterations).flat_map(|_| &self.prepared) {
            pass.set_pipeline(&launch.pipeline);
            pass.set_bind_group(0, &launch.bindings, &[]);
            let [x, y] = launch.workgroups;
            pass.dispatch_workgroups(x, y, 1);
        }
    }

    /// Runs the first two iterations; α of the second one is worked out here, as a framework's user does.
    pub fn first_two(&mut self) -> Result<(Results, Vec<f32>)> {
        self.run_one();
        let results = self.executor.read(self.results, RESULTS)?;
        let at = |result: u32| results.get(result as usize).copied().unwrap_or(f32::NAN);
        let pixels = self.tensors.target.length;
        let first = Results {
            iou: at(INTERSECTION) / at(UNION),
            pixel_accuracy: at(CORRECT) / pixels as f32,
            l2: at(SQUARED_L2).sqrt(),
            linf: at(LINF),
            seed: self.read(self.tensors.seed)?,
            adversarial: self.read(self.tensors.adversarial)?,
        };
        let multiplier = BETA * first.iou + TAU;
        self.gpu
            .queue()
            .write_buffer(&self.uniforms, self.multiplier, bytemuck::bytes_of(&multiplier));
        self.run_one();
        let second_image = self.read(self.tensors.adversarial)?;
        Ok((first, second_image))
    }

    fn run_one(&self) {
        let mut encoder = self.gpu.device().create_command_encoder(&Default::default());
        self.encode(&mut encoder, 1);
        self.gpu.queue().submit([encoder.finish()]);
    }

    fn read(&mut self, tensor: Tensor) -> Result<Vec<f32>> {
        self.executor.read(tensor.buffer, tensor.length as usize)
    }
}

fn upload_parameters(gpu: &GpuDevice, launches: &[Launch]) -> wgpu::Buffer {
    let uniforms = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("parameters"),
        size: launches.len() as u64 * UNIFORM_SLOT,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    for (slot, launch) in (0..).zip(launches) {
        gpu.queue()
            .write_buffer(&uniforms, slot * UNIFORM_SLOT, bytemuck::bytes_of(&launch.params));
    }
    uniforms
}

/// Pipelines and bind groups, compiled as those of the fused form: without run-time checks.
fn prepare(
    gpu: &GpuDevice,
    executor: &GpuExecutor,
    uniforms: &wgpu::Buffer,
    launches: &[Launch],
) -> Result<Vec<Prepared>> {
    let device = gpu.device();
    let source = include_str!("../../../../shaders/asma_unfused.wgsl");
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some("asma_unfused"),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    };
    // SAFETY: every launch above keeps its lengths and offsets inside its buffers, and no loop of the
    // shader is endless.
    let module =
        unsafe { device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) };
    let bindings = [
        wgpu::BufferBindingType::Uniform,
        wgpu::BufferBindingType::Storage { read_only: true },
        wgpu::BufferBindingType::Storage { read_only: true },
        wgpu::BufferBindingType::Storage { read_only: false },
    ];
    let entries: Vec<_> = (0..)
        .zip(bindings)
        .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty,
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        })
        .collect();
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("asma_unfused"),
        entries: &entries,
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("asma_unfused"),
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let mut pipelines = HashMap::new();
    let mut prepared = Vec::new();
    for (slot, launch) in (0..).zip(launches) {
        let pipeline: &mut wgpu::ComputePipeline = pipelines.entry(launch.entry_point).or_insert_with(|| {
            device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(launch.entry_point),
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some(launch.entry_point),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &[],
                    zero_initialize_workgroup_memory: false,
                },
                cache: None,
            })
        });
        let missing = || Error::Usage("the unfused step names a buffer that it does not have".into());
        let buffer = |id| executor.buffer(id).ok_or_else(missing);
        let uniform = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: uniforms,
            offset: slot * UNIFORM_SLOT,
            size: NonZeroU64::new(size_of::<Params>() as u64),
        });
        let resources = [
            uniform,
            buffer(launch.left)?.as_entire_binding(),
            buffer(launch.right)?.as_entire_binding(),
            buffer(launch.output)?.as_entire_binding(),
        ];
        let entries: Vec<_> = (0..)
            .zip(resources)
            .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource })
            .collect();
        prepared.push(Prepared {
            pipeline: pipeline.clone(),
            bindings: device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(launch.entry_point),
                layout: &layout,
                entries: &entries,
            }),
            workgroups: launch.workgroups,
        });
    }
    Ok(prepared)
}
