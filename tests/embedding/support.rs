//! A host application's own textures and its attack on a tiny network.

use std::ops::ControlFlow;

use asma::attack::{AsmaConfig, Attack, AttackInput, Live, Snapshots};
use asma::gpu::{Capabilities, GpuDevice, GpuExecutor, GpuOptions};
use asma::model::{Padding, SimpleUnet};
use asma::program::Executor;
use asma::{LabelMap, Shape, Tensor, TraceRow, wgpu};
use wgpu::{TextureFormat, TextureUsages};

use crate::{common, networks};

/// Rows and columns of the host's images; the network predicts the labels of the innermost ones.
pub const IMAGE: Shape = Shape::new(1, 3, 36, 44);

/// A device with default limits and no features, as a host application hands it over; none without a GPU.
pub fn host() -> Option<GpuDevice> {
    let opened = common::gpu(Capabilities::Baseline)?;
    Some(GpuDevice::from_host(
        opened.device().clone(),
        opened.queue().clone(),
    ))
}

/// Two devices of one adapter, as an application may have them; none without a GPU.
pub fn two_devices() -> Option<[GpuDevice; 2]> {
    host()?;
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let adapter = adapters.first()?;
    let open = || GpuDevice::from_adapter(adapter, Capabilities::Baseline).unwrap();
    Some([open(), open()])
}

/// An attack on a network of two levels with `valid` convolutions, whose output is smaller than the image.
pub fn attack(config: AsmaConfig) -> Attack {
    let unet = SimpleUnet::doubling(3, 4, 2, 3, Padding::Valid);
    let graph = networks::simple_unet_scaled(&unet, 7, 8.0);
    Attack::new(&graph, IMAGE, config, false).unwrap()
}

pub fn executor(gpu: &GpuDevice, attack: &Attack) -> GpuExecutor {
    GpuExecutor::new(gpu.clone(), attack.program(), &GpuOptions::default()).unwrap()
}

pub fn texture(gpu: &GpuDevice, format: TextureFormat, usage: TextureUsages) -> wgpu::Texture {
    texture_of(gpu, format, usage, [IMAGE.w, IMAGE.h])
}

pub fn texture_of(
    gpu: &GpuDevice,
    format: TextureFormat,
    usage: TextureUsages,
    [width, height]: [usize; 2],
) -> wgpu::Texture {
    gpu.device().create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d {
            width: width as u32,
            height: height as u32,
            depth_or_array_layers: 1,
        },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage,
        view_formats: &[],
    })
}

/// Fills a texture with texels of so many bytes, row after row.
pub fn fill(gpu: &GpuDevice, texture: &wgpu::Texture, bytes: &[u8]) {
    let texel = bytes.len() / (IMAGE.w * IMAGE.h);
    gpu.queue().write_texture(
        texture.as_image_copy(),
        bytes,
        wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some((texel * IMAGE.w) as u32),
            rows_per_image: None,
        },
        texture.size(),
    );
}

/// What a texture holds, row after row, once what was submitted is done.
pub fn contents(gpu: &GpuDevice, texture: &wgpu::Texture) -> Vec<u8> {
    let texel = texture.format().block_copy_size(None).unwrap() as usize;
    let row = texel * IMAGE.w;
    let padded = row.next_multiple_of(256);
    let buffer = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: (padded * IMAGE.h) as u64,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    let layout = wgpu::TexelCopyBufferInfo {
        buffer: &buffer,
        layout: wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(padded as u32),
            rows_per_image: None,
        },
    };
    encoder.copy_texture_to_buffer(texture.as_image_copy(), layout, texture.size());
    gpu.queue().submit([encoder.finish()]);
    buffer.map_async(wgpu::MapMode::Read, .., |mapped| mapped.unwrap());
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).unwrap();
    let mapped = buffer.get_mapped_range(..).unwrap();
    mapped
        .chunks(padded)
        .flat_map(|padded| padded[..row].to_vec())
        .collect()
}

/// Records with the host's encoder, and submits it.
pub fn record(gpu: &GpuDevice, record: impl FnOnce(&mut wgpu::CommandEncoder)) {
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    record(&mut encoder);
    gpu.queue().submit([encoder.finish()]);
}

pub fn config() -> AsmaConfig {
    AsmaConfig {
        iterations: 12,
        ..AsmaConfig::default()
    }
}

pub fn changeable(config: AsmaConfig) -> Attack {
    let unet = SimpleUnet::doubling(3, 4, 2, 3, Padding::Valid);
    let graph = networks::simple_unet_scaled(&unet, 7, 8.0);
    Attack::changeable(&graph, IMAGE, config).unwrap()
}

pub fn target(attack: &Attack, class: u8) -> LabelMap {
    let shape = attack.logits().shape;
    networks::target(shape.h, shape.w, class, 1)
}

pub fn everywhere() -> LabelMap {
    LabelMap::from_fn(IMAGE.h, IMAGE.w, |_, _| 1).unwrap()
}

pub fn begin(attack: &Attack, executor: &mut dyn Executor, target: &LabelMap, has_region: bool) -> Live {
    let region = everywhere();
    let input = AttackInput {
        source: &networks::image(IMAGE, 5),
        targets: std::slice::from_ref(target),
        regions: if has_region {
            std::slice::from_ref(&region)
        } else {
            &[]
        },
        snapshots: Snapshots::Predictions,
    };
    Live::begin(attack.clone(), executor, input).unwrap()
}

/// Takes an attack on by so many iterations, and waits for what it has come to.
pub fn take_on(live: &mut Live, executor: &mut dyn Executor, iterations: usize) {
    for _ in 0..iterations {
        let calls = live.next_calls(executor, |_| true).unwrap();
        executor.submit(&calls).unwrap();
        live.request(executor).unwrap();
        while !live.arrive().unwrap() && !calls.is_empty() {
            // Lets the device go on.
            executor.read(live.attack().adversarial().buffer, 1).unwrap();
        }
    }
}

pub fn image_of(live: &Live, executor: &mut dyn Executor) -> Tensor {
    let place = live.attack().adversarial();
    place.gather(&executor.read(place.buffer, place.shape.elements()).unwrap())
}

/// What an attack of these settings alone comes to.
pub fn alone(attack: &Attack, executor: &mut dyn Executor, target: &LabelMap) -> (Vec<TraceRow>, Tensor) {
    let input = AttackInput {
        source: &networks::image(IMAGE, 5),
        targets: std::slice::from_ref(target),
        regions: &[],
        snapshots: Snapshots::None,
    };
    let outcomes = attack
        .run(executor, input, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    let outcome = outcomes.into_iter().next().unwrap();
    (outcome.trace, outcome.last)
}
