//! The attack inside an application that owns a wgpu device: the image comes from a texture of the application's, iterations
//! are recorded into its encoder beside its own render pass, and what comes of them is in its textures.
//!
//! Run with `cargo run --release --example share_device`; it makes a tiny network of random weights, so that nothing else is
//! needed but a Vulkan, Metal or DX12 driver. No window is opened.

use asma::attack::{AsmaConfig, Attack, AttackInput, Live, Snapshots};
use asma::gpu::textures::{Picture, TexturePicture, TextureReader};
use asma::gpu::{GpuDevice, GpuExecutor, GpuOptions, check_limits};
use asma::graph::Graph;
use asma::model::{Padding, SimpleUnet};
use asma::program::Executor;
use asma::{LabelMap, Shape, wgpu};

const SIDE: u32 = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // What the application has: a device with default limits and no features, a photograph in a texture, and something that it
    // draws in each frame.
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()))?;
    let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()))?;
    let photograph = photograph(&device, &queue);
    let [screen, shown] = ["screen", "adversarial image"].map(|label| target_texture(&device, label));
    let screen = screen.create_view(&Default::default());

    // Planned and checked against the device's limits before anything is allocated.
    let shape = Shape::new(1, 3, SIDE as usize, SIDE as usize);
    let attack = Attack::new(&network()?, shape, AsmaConfig::default(), false)?;
    check_limits(attack.program(), &device.limits())?;
    let gpu = GpuDevice::from_host(device.clone(), queue.clone());
    let mut executor = GpuExecutor::new(gpu, attack.program(), &GpuOptions::default())?;

    // The photograph, as the network is given it.
    let place = attack.adversarial();
    let reader = TextureReader::new(&executor, &photograph, place)?;
    let mut encoder = device.create_command_encoder(&Default::default());
    reader.encode(&mut encoder);
    queue.submit([encoder.finish()]);
    let source = place.gather(&executor.read(place.buffer, shape.elements())?);
    let target = LabelMap::from_fn(SIDE as usize, SIDE as usize, |y, x| {
        u8::from(y.abs_diff(32) < 12 && x.abs_diff(32) < 12)
    })?;
    let input = AttackInput {
        source: &source,
        targets: &[target],
        regions: &[],
        snapshots: Snapshots::None,
    };
    let mut live = Live::begin(attack.clone(), &mut executor, input)?;
    let picture = TexturePicture::new(&executor, &Picture::Image(place), &shown)?;

    // Frames of the application: four iterations recorded behind its own render pass, one submission of its own, and whatever
    // statistics have arrived. Nothing waits.
    while live.trace().len() < 32 {
        let mut encoder = device.create_command_encoder(&Default::default());
        draw_the_applications_own(&mut encoder, &screen);
        live.encode(&mut executor, &mut encoder, f64::INFINITY, 4)?;
        picture.encode(&mut encoder);
        queue.submit([encoder.finish()]);
        live.request(&mut executor)?;
        device.poll(wgpu::PollType::Poll)?;
        if live.arrive()?
            && let Some(row) = live.trace().last()
        {
            println!(
                "iteration {:3}: IoU {:.4}, L2 {:.4}",
                row.iteration, row.iou, row.l2
            );
        }
    }

    // The same attack by itself gives the same bits.
    let input = AttackInput {
        source: &source,
        targets: std::slice::from_ref(live.target()),
        regions: &[],
        snapshots: Snapshots::None,
    };
    let rows = live.trace().len();
    let mut progress = |now: asma::attack::Progress<'_>| match now.traces[0].len() < rows {
        true => std::ops::ControlFlow::Continue(()),
        false => std::ops::ControlFlow::Break(()),
    };
    let alone = attack.run(&mut executor, input, &mut progress)?;
    if alone[0].trace.get(..rows) != Some(live.trace()) {
        return Err("recorded beside a render pass the attack went another way".into());
    }
    println!(
        "{rows} iterations on {}, the same bits as by `run`",
        executor.describe()
    );
    Ok(())
}

/// A texture as image loaders make them.
fn photograph(device: &wgpu::Device, queue: &wgpu::Queue) -> wgpu::Texture {
    let size = wgpu::Extent3d {
        width: SIDE,
        height: SIDE,
        depth_or_array_layers: 1,
    };
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("photograph"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8UnormSrgb,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    let level = |x: u32, y: u32, c: u32| {
        let wave = ((x * (c + 1)) as f32 * 0.1).sin() * (y as f32 * 0.13).cos();
        (127.5 + 100.0 * wave) as u8
    };
    let pixels = (0..SIDE * SIDE).map(|i| (i % SIDE, i / SIDE));
    let bytes: Vec<u8> = pixels
        .flat_map(|(x, y)| [level(x, y, 0), level(x, y, 1), level(x, y, 2), 255])
        .collect();
    queue.write_texture(
        texture.as_image_copy(),
        &bytes,
        wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(4 * SIDE),
            rows_per_image: None,
        },
        size,
    );
    texture
}

fn target_texture(device: &wgpu::Device, label: &str) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some(label),
        size: wgpu::Extent3d {
            width: SIDE,
            height: SIDE,
            depth_or_array_layers: 1,
        },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Bgra8UnormSrgb,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
        view_formats: &[],
    })
}

fn draw_the_applications_own(encoder: &mut wgpu::CommandEncoder, screen: &wgpu::TextureView) {
    // An application would draw here; the pass clears the screen as it begins.
    drop(encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("application"),
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view: screen,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations {
                load: wgpu::LoadOp::Clear(wgpu::Color::GREEN),
                store: wgpu::StoreOp::Store,
            },
        })],
        ..Default::default()
    }));
}

/// A network of random weights; an application would use `Model::open`.
fn network() -> asma::Result<Graph> {
    let mut seed = 1u32;
    SimpleUnet::doubling(3, 4, 3, 2, Padding::Same).build(|name, shape| {
        let length: usize = shape.iter().product();
        let fan_in: usize = shape.iter().skip(1).product();
        let scale = (2.0 / fan_in.max(1) as f32).sqrt();
        let mut random = || {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            scale * ((seed >> 8) as f32 / (1 << 23) as f32 - 1.0)
        };
        let mut data: Vec<f32> = (0..length).map(|_| random()).collect();
        if name == "conv_final.weight" {
            // Class 1 is the opposite of class 0, and logits are of the size that training gives.
            let (first, second) = data.split_at_mut(length / 2);
            for (first, second) in first.iter_mut().zip(second) {
                *first *= 50.0;
                *second = -*first;
            }
        } else if name.ends_with("bias") {
            data.fill(0.0);
        }
        Ok(data)
    })
}
