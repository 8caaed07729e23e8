//! The convolution's variants against the plainest kernel, one thread per output, in one run on one device, with float32
//! and, where the device has it, with input, weights and output of float16, and the error of each against sums in f64 of
//! the numbers that float32 has:
//!
//!     cargo bench --bench convolution -- --save
//!
//! Each time is the shortest of several, the variants taking turns, with submission and wait included.

#[path = "support/mod.rs"]
mod support;

use std::time::Instant;

use anyhow::Result;
use asma::Shape;
use asma::gpu::GpuDevice;
use asma::kernels::{
    Element, Extent, PIXELS_PER_WORKGROUP, Params, Specialisation, View, Way, conv_transpose2d, conv2d,
};
use clap::Parser;
use half::f16;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use wgpu::util::DeviceExt;

use support::{Circumstances, Options};

/// Times the variants of the convolutions and measures their errors.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

/// What is saved.
#[derive(Serialize)]
struct Record {
    circumstances: Circumstances,
    layers: Vec<Layer>,
}

#[derive(Serialize)]
struct Layer {
    layer: String,
    flops: u64,
    variants: Vec<Measured>,
}

#[derive(Serialize)]
struct Measured {
    variant: String,
    /// Of the shortest round.
    seconds: f64,
    /// Largest difference from the sum in f64, over the root of the sums' mean square; of plain convolutions.
    error: Option<f64>,
}

const ONE_THREAD: &str = concat!(
    include_str!("../shaders/shared/convolution.wgsl"),
    include_str!("shaders/conv2d_one_thread.wgsl")
);

const REPETITIONS: usize = 5;

/// Outputs whose errors are looked at.
const CHECKED: usize = 4096;

/// In channels, out channels, rows and columns of the output, kernel, stride, padding.
const CONVOLUTIONS: [[u32; 6]; 5] = [
    [32, 32, 128, 3, 1, 1],
    [64, 32, 128, 3, 1, 1],
    [32, 64, 128, 3, 1, 0],
    [128, 128, 28, 3, 1, 0],
    [64, 32, 128, 1, 1, 0],
];

/// In channels, out channels, rows and columns of the input; kernel and stride 2.
const TRANSPOSED: [[u32; 3]; 2] = [[64, 32, 64], [256, 128, 28]];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let gpu = support::open_device(&arguments.options.device)?;
    let command = format!(
        "cargo bench --bench convolution -- --device {}",
        arguments.options.device
    );
    let circumstances = Circumstances::new(&gpu, command)?;
    circumstances.print();
    let mut layers = Vec::new();
    for [in_channels, out_channels, size, kernel, stride, padding] in CONVOLUTIONS {
        let input_size = (size - 1) * stride + kernel - 2 * padding;
        let params = convolution(
            [in_channels, out_channels],
            [input_size, size],
            [kernel, stride, padding],
        );
        let layer = format!("{in_channels} → {out_channels} channels, {size} × {size}, kernel {kernel}");
        let groups = (size * size).div_ceil(PIXELS_PER_WORKGROUP);
        let one_thread = ("one thread", ONE_THREAD, [groups, 1, out_channels]);
        layers.push(race(&gpu, layer, &params.into(), &params, &[one_thread])?);
    }
    for [in_channels, out_channels, size] in TRANSPOSED {
        let params = convolution([in_channels, out_channels], [size, 2 * size], [2, 2, 0]);
        let transposed = conv_transpose2d::Params::from(params);
        let layer = format!("{in_channels} → {out_channels} channels, {size} × {size}, kernel 2, transposed");
        layers.push(race(&gpu, layer, &transposed.into(), &params, &[])?);
    }
    if let Some(folder) = &arguments.options.save {
        let record = Record {
            circumstances,
            layers,
        };
        let path = record.circumstances.save(folder, "convolution", &record)?;
        println!("saved    {}", path.display());
    }
    Ok(())
}

/// Of channels `[in, out]`, sizes `[in, out]`, and `[kernel, stride, padding]`.
fn convolution(channels: [u32; 2], sizes: [u32; 2], [kernel, stride, padding]: [u32; 3]) -> conv2d::Params {
    let [input, output] = [0, 1].map(|i| {
        let size = sizes[i] as usize;
        Shape::new(1, channels[i] as usize, size, size)
    });
    conv2d::Params {
        input: View::dense(input),
        output: View::dense(output),
        input_extent: input.into(),
        output_extent: output.into(),
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [1; 2],
        padded_out_channels: channels[1].next_multiple_of(conv2d::CHANNEL_BLOCK as u32),
        accumulate: 0,
        gated: 0,
        groups: 1,
    }
}

/// Times `others` and all variants of the kernel, and prints what each does in a second, how many times that is what
/// the first does, and its error.
fn race(
    gpu: &GpuDevice,
    layer: String,
    params: &Params,
    layout: &conv2d::Params,
    others: &[(&'static str, &'static str, [u32; 3])],
) -> Result<Layer> {
    let numbers = Numbers::new(layout);
    let mut contestants = Vec::new();
    for specialisation in specialisations(gpu) {
        let is_half = specialisation.element(0) == Element::Half;
        let buffers = numbers.buffers(gpu, params, layout, &specialisation);
        let mut ways = params.ways(&specialisation);
        ways.retain(|way| !way.traits.subgroups || gpu.has_subgroups());
        if let Some(first) = ways.first().cloned().filter(|_| !is_half) {
            let by_others = others
                .iter()
                .map(|&(name, text, grid)| first.clone().by(name, text, grid));
            ways.splice(0..0, by_others);
        }
        for way in ways {
            let (pipeline, bindings) = prepare(gpu, params, &way, &specialisation, &buffers);
            contestants.push(Contestant {
                name: format!("{}{}", way.name, if is_half { ", float16" } else { "" }),
                pipeline,
                bindings,
                grid: way.grid,
                output: buffers[5].clone(),
                element: specialisation.element(4),
            });
        }
    }
    let is_plain = matches!(params, Params::Conv2d(_));
    let checked = if is_plain {
        numbers.exact_sums(layout)
    } else {
        Vec::new()
    };
    let mut shortest = vec![f64::INFINITY; contestants.len()];
    let mut errors = vec![None; contestants.len()];
    // The first round compiles.
    for round in 0..=REPETITIONS {
        for (number, contestant) in contestants.iter().enumerate() {
            let mut encoder = gpu.device().create_command_encoder(&Default::default());
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&contestant.pipeline);
            pass.set_bind_group(0, &contestant.bindings, &[]);
            let [x, y, z] = contestant.grid;
            pass.dispatch_workgroups(x, y, z);
            drop(pass);
            let commands = encoder.finish();
            let start = Instant::now();
            gpu.queue().submit([commands]);
            gpu.device().poll(wgpu::PollType::wait_indefinitely())?;
            if round > 0 {
                shortest[number] = shortest[number].min(start.elapsed().as_secs_f64());
            } else if is_plain {
                errors[number] = Some(largest_error(&contestant.read(gpu)?, &checked));
            }
        }
    }
    println!("{layer}:");
    let mut variants = Vec::new();
    for (Contestant { name, .. }, (&seconds, &error)) in contestants.iter().zip(shortest.iter().zip(&errors))
    {
        let rate = params.flops() as f64 / seconds / 1e9;
        let error_text = error.map_or(String::new(), |error| format!("  error {error:.1e}"));
        println!(
            "  {name:22} {rate:8.2} GFLOP/s ({:.1}×){error_text}",
            shortest[0] / seconds
        );
        variants.push(Measured {
            variant: name.clone(),
            seconds,
            error,
        });
    }
    Ok(Layer {
        layer,
        flops: params.flops(),
        variants,
    })
}

/// All words, and what can be float16 if the device has it.
fn specialisations(gpu: &GpuDevice) -> Vec<Specialisation> {
    let mut kinds = vec![[Element::Word; 5]];
    if gpu.has_float16() {
        use Element::{Half, Word};
        kinds.push([Half, Half, Word, Half, Half]);
    }
    let specialised = kinds.into_iter().map(|elements| Specialisation {
        elements: elements.to_vec(),
        matrix_units: gpu.matrix_units(),
        vendor: gpu.vendor(),
    });
    specialised.collect()
}

/// A variant made ready.
struct Contestant {
    name: String,
    pipeline: wgpu::ComputePipeline,
    bindings: wgpu::BindGroup,
    grid: [u32; 3],
    output: wgpu::Buffer,
    element: Element,
}

impl Contestant {
    /// What it left in its output.
    fn read(&self, gpu: &GpuDevice) -> Result<Vec<f32>> {
        let bytes = read(gpu, &self.output)?;
        Ok(match self.element {
            Element::Word => bytemuck::pod_collect_to_vec(&bytes),
            Element::Half => {
                let halves = bytes.as_chunks().0.iter();
                halves.map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect()
            }
        })
    }
}

/// Random numbers in [−1, 1): input, weights and coefficients.
struct Numbers {
    input: Vec<f32>,
    weight: Vec<f32>,
    epilogue: Vec<f32>,
}

impl Numbers {
    fn new(layout: &conv2d::Params) -> Numbers {
        let mut random = StdRng::seed_from_u64(1);
        let mut vector = |length: u64| (0..length).map(|_| random.random_range(-1.0..1.0)).collect();
        let taps = layout.input_extent.c * layout.kernel[0] * layout.kernel[1];
        let channels = u64::from(layout.padded_out_channels);
        Numbers {
            input: vector(layout.input_extent.elements()),
            weight: vector(u64::from(taps) * channels),
            epilogue: vector(2 * channels),
        }
    }

    /// Parameters, input, weights, coefficients, gate and output.
    fn buffers(
        &self,
        gpu: &GpuDevice,
        params: &Params,
        layout: &conv2d::Params,
        specialisation: &Specialisation,
    ) -> [wgpu::Buffer; 6] {
        let buffer = |contents: &[u8], usage| {
            let descriptor = wgpu::util::BufferInitDescriptor {
                label: None,
                contents,
                usage,
            };
            gpu.device().create_buffer_init(&descriptor)
        };
        let storage = |number, values: &[f32]| {
            // Whole vectors, as some shaders load them.
            let mut values = values.to_vec();
            values.resize(values.len().next_multiple_of(8), 0.0);
            let bytes: Vec<u8> = match specialisation.element(number) {
                Element::Word => bytemuck::cast_slice(&values).to_vec(),
                Element::Half => {
                    let halves = values.iter().map(|&value| f16::from_f32(value));
                    halves.flat_map(f16::to_le_bytes).collect()
                }
            };
            let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
            buffer(&bytes, usage)
        };
        [
            buffer(&params.bytes(), wgpu::BufferUsages::UNIFORM),
            storage(0, &self.input),
            storage(1, &self.weight),
            storage(2, &self.epilogue),
            storage(3, &[0.0]),
            storage(4, &vec![0.0; layout.output_extent.elements() as usize]),
        ]
    }

    /// Places in the output, spread over it, and what stands there, by sums in f64.
    fn exact_sums(&self, layout: &conv2d::Params) -> Vec<(usize, f64)> {
        let Extent { c, h, w, .. } = layout.output_extent;
        let elements = layout.output_extent.elements() as usize;
        (0..CHECKED.min(elements))
            .map(|number| {
                let place = number * (elements / CHECKED.min(elements));
                let (o, y, x) = (
                    place / (h * w) as usize,
                    place / w as usize % h as usize,
                    place % w as usize,
                );
                debug_assert!(o < c as usize);
                (place, self.exact_sum(layout, [o, y, x]))
            })
            .collect()
    }

    fn exact_sum(&self, layout: &conv2d::Params, [o, y, x]: [usize; 3]) -> f64 {
        let Extent { c, h, w, .. } = layout.input_extent;
        let [rows, columns] = layout.kernel.map(|length| length as usize);
        let mut sum = f64::from(self.epilogue[2 * o]);
        for i in 0..c as usize {
            for (ky, kx) in (0..rows).flat_map(|ky| (0..columns).map(move |kx| (ky, kx))) {
                let row = (y * layout.stride[0] as usize + ky).wrapping_sub(layout.padding[0] as usize);
                let column = (x * layout.stride[1] as usize + kx).wrapping_sub(layout.padding[1] as usize);
                if row < h as usize && column < w as usize {
                    let tap = (i * rows + ky) * columns + kx;
                    sum += f64::from(self.weight[tap * layout.padded_out_channels as usize + o])
                        * f64::from(self.input[layout.input.at(0, i, row, column)]);
                }
            }
        }
        if sum >= 0.0 {
            sum
        } else {
            f64::from(self.epilogue[2 * o + 1]) * sum
        }
    }
}

/// The largest difference from what is wanted, over the root of the mean square of that.
fn largest_error(found: &[f32], wanted: &[(usize, f64)]) -> f64 {
    let squares: f64 = wanted.iter().map(|(_, value)| value * value).sum();
    let errors = wanted
        .iter()
        .map(|&(place, value)| (f64::from(found[place]) - value).abs());
    errors.fold(0.0, f64::max) / (squares / wanted.len() as f64).sqrt()
}

fn read(gpu: &GpuDevice, buffer: &wgpu::Buffer) -> Result<Vec<u8>> {
    let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: buffer.size(),
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, buffer.size());
    gpu.queue().submit([encoder.finish()]);
    staging.map_async(wgpu::MapMode::Read, .., |_| {});
    gpu.device().poll(wgpu::PollType::wait_indefinitely())?;
    Ok(staging.get_mapped_range(..)?.to_vec())
}

/// Compiles a way as the library does, and binds the buffers.
fn prepare(
    gpu: &GpuDevice,
    params: &Params,
    way: &Way,
    specialisation: &Specialisation,
    buffers: &[wgpu::Buffer],
) -> (wgpu::ComputePipeline, wgpu::BindGroup) {
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(way.name),
        source: wgpu::ShaderSource::Wgsl(way.source(specialisation).into()),
    };
    // SAFETY: the views fill their buffers, and the shaders keep inside the views.
    let module = unsafe {
        gpu.device()
            .create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
    };
    let pipeline = gpu
        .device()
        .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(way.name),
            layout: None,
            module: &module,
            entry_point: Some(params.kernel().entry_point),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &[],
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
    let entries: Vec<_> = (0..)
        .zip(buffers)
        .map(|(binding, buffer)| wgpu::BindGroupEntry {
            binding,
            resource: buffer.as_entire_binding(),
        })
        .collect();
    let bindings = gpu.device().create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &entries,
    });
    (pipeline, bindings)
}
