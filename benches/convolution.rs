//! The convolution's variants against the plainest kernel, one thread per output, in one run on one device:
//!
//!     cargo bench --bench convolution
//!
//! Each time is the shortest of several, the variants taking turns, with submission and wait included.

use std::time::Instant;

use anyhow::{Context, Result};
use asma::Shape;
use asma::gpu::{Capabilities, DeviceChoice, GpuDevice};
use asma::kernels::{Extent, PIXELS_PER_WORKGROUP, Params, Variant, View, conv_transpose2d, conv2d};
use wgpu::util::DeviceExt;

const ONE_THREAD: Variant = Variant {
    name: "one thread",
    shader: include_str!("shaders/conv2d_one_thread.wgsl"),
    workgroup_memory: false,
    subgroups: false,
};

const REPETITIONS: usize = 5;

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
    let gpu = GpuDevice::open(&DeviceChoice::Gpu, Capabilities::Full)?
        .context("no GPU adapter was found; install a Vulkan driver")?;
    println!("{}", gpu.describe());
    for [in_channels, out_channels, size, kernel, stride, padding] in CONVOLUTIONS {
        let input_size = (size - 1) * stride + kernel - 2 * padding;
        let params = convolution(
            [in_channels, out_channels],
            [input_size, size],
            [kernel, stride, padding],
        );
        print!("{in_channels:>3} → {out_channels:>3} channels, {size:>3} × {size:<3} kernel {kernel}:");
        let groups = (size * size).div_ceil(PIXELS_PER_WORKGROUP);
        let one_thread = (&ONE_THREAD, [groups, 1, out_channels]);
        race(&gpu, &params.into(), &params, &[one_thread])?;
    }
    for [in_channels, out_channels, size] in TRANSPOSED {
        let params = convolution([in_channels, out_channels], [size, 2 * size], [2, 2, 0]);
        // The two parameter structs have the same fields.
        let transposed: conv_transpose2d::Params = bytemuck::cast(params);
        print!("{in_channels:>3} → {out_channels:>3} channels, {size:>3} × {size:<3} kernel 2, transposed:");
        race(&gpu, &transposed.into(), &params, &[])?;
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
        padded_out_channels: channels[1].next_multiple_of(conv2d::CHANNEL_BLOCK as u32),
        accumulate: 0,
    }
}

/// Times `others` and all variants of the kernel, and prints what each does in a second and how many times
/// that is what the first does.
fn race(
    gpu: &GpuDevice,
    params: &Params,
    layout: &conv2d::Params,
    others: &[(&Variant, [u32; 3])],
) -> Result<()> {
    let buffers = fill_buffers(gpu, params, layout);
    let own = params.variants().map(|variant| (variant, params.grid(variant)));
    let contestants: Vec<_> = others
        .iter()
        .copied()
        .chain(own)
        .map(|(variant, grid)| (variant.name, prepare(gpu, params, variant, &buffers), grid))
        .collect();
    let mut shortest = vec![f64::INFINITY; contestants.len()];
    // The first round compiles.
    for round in 0..=REPETITIONS {
        for ((_, (pipeline, bindings), [x, y, z]), shortest) in contestants.iter().zip(&mut shortest) {
            let mut encoder = gpu.device().create_command_encoder(&Default::default());
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, bindings, &[]);
            pass.dispatch_workgroups(*x, *y, *z);
            drop(pass);
            let commands = encoder.finish();
            let start = Instant::now();
            gpu.queue().submit([commands]);
            gpu.device().poll(wgpu::PollType::wait_indefinitely())?;
            if round > 0 {
                *shortest = shortest.min(start.elapsed().as_secs_f64());
            }
        }
    }
    for ((name, ..), seconds) in contestants.iter().zip(&shortest) {
        let rate = params.flops() as f64 / seconds / 1e9;
        print!("  {name} {rate:.2} GFLOP/s ({:.1}×)", shortest[0] / seconds);
    }
    println!();
    Ok(())
}

/// Parameters, input, weights, coefficients and output: any numbers, none of them subnormal.
fn fill_buffers(gpu: &GpuDevice, params: &Params, layout: &conv2d::Params) -> [wgpu::Buffer; 5] {
    let elements = |extent: Extent| extent.n * extent.c * extent.h * extent.w;
    let taps = layout.input_extent.c * layout.kernel[0] * layout.kernel[1];
    let storage = |length: u32| {
        let values: Vec<f32> = (0..length).map(|i| (i % 17) as f32 / 8.0 - 1.0).collect();
        gpu.device()
            .create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: None,
                contents: bytemuck::cast_slice(&values),
                usage: wgpu::BufferUsages::STORAGE,
            })
    };
    let uniform = gpu
        .device()
        .create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: None,
            contents: params.bytes(),
            usage: wgpu::BufferUsages::UNIFORM,
        });
    [
        uniform,
        storage(elements(layout.input_extent)),
        storage(taps * layout.padded_out_channels),
        storage(2 * layout.padded_out_channels),
        storage(elements(layout.output_extent)),
    ]
}

/// Compiles `variant` as the library does, and binds the buffers.
fn prepare(
    gpu: &GpuDevice,
    params: &Params,
    variant: &Variant,
    buffers: &[wgpu::Buffer],
) -> (wgpu::ComputePipeline, wgpu::BindGroup) {
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(variant.name),
        source: wgpu::ShaderSource::Wgsl(params.source(variant).into()),
    };
    // SAFETY: the views fill their buffers, and the shaders keep inside the views.
    let module = unsafe {
        gpu.device()
            .create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
    };
    let pipeline = gpu
        .device()
        .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(variant.name),
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
