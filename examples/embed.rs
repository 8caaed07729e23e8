//! The attack inside an application that already owns a wgpu device: iterations are recorded into the
//! application's own command encoder, between its own passes, and the adversarial image stays on the GPU.
//!
//! Run with `cargo run --release --example embed`; it makes a tiny network of random weights, so that nothing
//! else is needed but a Vulkan, Metal or DX12 driver.

use asma::attack::{AsmaConfig, Attack, AttackInput, Snapshots};
use asma::gpu::{GpuDevice, GpuExecutor, GpuOptions, check_limits};
use asma::model::{Padding, SimpleUnet};
use asma::program::Executor;
use asma::{LabelMap, Shape, Tensor, wgpu};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // What the application has: a device with default limits and no features.
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()))?;
    let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()))?;

    // A network; an application would use `Model::from_checkpoint`.
    let mut seed = 1u32;
    let graph = SimpleUnet::doubling(3, 4, 3, 2, Padding::Same).build(|name, shape| {
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
    })?;
    let image = Tensor::from_fn(Shape::new(1, 3, 64, 64), |_, c, y, x| {
        0.5 + 0.4 * ((x * (c + 1)) as f32 * 0.1).sin() * (y as f32 * 0.13).cos()
    });
    let target = LabelMap::from_fn(64, 64, |y, x| {
        u8::from(y.abs_diff(32) < 12 && x.abs_diff(32) < 12)
    })?;

    // Planned and checked against the device's limits before anything is allocated.
    let attack = Attack::new(&graph, image.shape(), AsmaConfig::default(), false)?;
    check_limits(attack.program(), &device.limits())?;
    let gpu = GpuDevice::from_host(device.clone(), queue.clone());
    let mut executor = GpuExecutor::new(gpu, attack.program(), &GpuOptions::default())?;
    let mut iterations = attack.prepare(
        &mut executor,
        AttackInput {
            source: &image,
            targets: &[target],
            regions: &[],
            snapshots: Snapshots::None,
        },
    )?;

    // A frame of the application: four iterations recorded among its own work, one submission of its own.
    for _ in 0..8 {
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        for calls in iterations.by_ref().take(4) {
            executor.encode(&mut encoder, &calls);
        }
        queue.submit([encoder.finish()]);
    }

    // The image as a wgpu buffer, for the application's own passes: 3 planes of 64×64 floats.
    let buffer = executor
        .buffer(attack.adversarial().buffer)
        .ok_or("the program has no such buffer")?;
    println!(
        "the adversarial image is in a buffer of {} bytes on {}",
        buffer.size(),
        executor.describe()
    );
    for row in attack.trace(&mut executor)?.iter().flatten().step_by(8) {
        println!(
            "iteration {:2}: IoU {:.4}, L2 {:.4}",
            row.iteration, row.iou, row.l2
        );
    }
    Ok(())
}
