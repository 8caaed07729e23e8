//! An attack within a host's frames: the same bits as by itself.

use asma::attack::{AsmaConfig, Attack, Live, Refinement, StopReason};
use asma::gpu::{GpuDevice, GpuExecutor, GpuOptions};
use asma::model::{Padding, SimpleUnet};
use asma::wgpu::{TextureFormat, TextureUsages};

use crate::networks;
use crate::support::{
    IMAGE, alone, attack, begin, changeable, config, executor, host, image_of, record, take_on, target,
    texture, two_devices,
};

#[test]
fn recorded_beside_a_hosts_render_pass_an_attack_gives_the_bits_of_run() {
    let Some(gpu) = host() else { return };
    let attack = attack(config());
    let target = target(&attack, 1);
    let (trace, last) = alone(&attack, &mut executor(&gpu, &attack), &target);

    let mut executor = executor(&gpu, &attack);
    let mut live = begin(&attack, &mut executor, &target, false);
    let drawn_to = texture(&gpu, TextureFormat::Rgba8Unorm, TextureUsages::RENDER_ATTACHMENT);
    let view = drawn_to.create_view(&Default::default());
    let mut frames = 0;
    while live.ended().is_none() {
        frames += 1;
        assert!(frames < 10_000, "the attack does not end");
        // Three calls a frame, so that frames end within iterations.
        let mut left = 3;
        let calls = live
            .next_calls(&mut executor, |_| {
                left -= 1;
                left >= 0
            })
            .unwrap();
        assert!(calls.len() <= 3);
        record(&gpu, |encoder| {
            drop(encoder.begin_render_pass(&asma::wgpu::RenderPassDescriptor {
                color_attachments: &[Some(asma::wgpu::RenderPassColorAttachment {
                    view: &view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: Default::default(),
                })],
                ..Default::default()
            }));
            executor.encode(encoder, &calls);
        });
        live.request(&mut executor).unwrap();
        live.arrive().unwrap();
        gpu.device().poll(asma::wgpu::PollType::Poll).unwrap();
    }
    assert_eq!(live.ended(), Some(StopReason::Iterations));
    assert_eq!(live.trace(), trace);
    assert_eq!(image_of(&live, &mut executor), last);
    let outcome = asma::program::wait(live.outcome_async(&mut executor)).unwrap();
    assert_eq!((outcome.trace, outcome.last), (trace, last));
    assert!(!outcome.snapshots.is_empty());
}

#[test]
fn a_changeable_attack_that_is_not_changed_is_the_same() {
    let Some(gpu) = host() else { return };
    for refine in [Refinement::Off, Refinement::On] {
        let config = AsmaConfig {
            iterations: 60,
            stop_iou: Some(0.5),
            refine,
            ..config()
        };
        let plain = attack(config.clone());
        let target = target(&plain, 1);
        let (trace, last) = alone(&plain, &mut executor(&gpu, &plain), &target);
        let attack = changeable(config);
        let mut executor = executor(&gpu, &attack);
        let mut live = begin(&attack, &mut executor, &target, true);
        take_on(&mut live, &mut executor, 61);
        assert_eq!(live.trace(), trace, "{refine:?}");
        assert_eq!(image_of(&live, &mut executor), last, "{refine:?}");
        assert!(live.ended().is_some());
    }
}

#[test]
fn attacks_on_one_device_do_not_touch_one_another() {
    let Some(gpu) = host() else { return };
    let attack = attack(config());
    let targets = [1, 2].map(|class| target(&attack, class));
    let wanted = targets
        .each_ref()
        .map(|target| alone(&attack, &mut executor(&gpu, &attack), target));
    let mut executors = targets.each_ref().map(|_| executor(&gpu, &attack));
    let mut lives: Vec<Live> = targets
        .iter()
        .zip(&mut executors)
        .map(|(target, executor)| begin(&attack, executor, target, false))
        .collect();
    for _ in 0..12 {
        record(&gpu, |encoder| {
            for (live, executor) in lives.iter_mut().zip(&mut executors) {
                let calls = live.next_calls(executor, |_| true).unwrap();
                executor.encode(encoder, &calls);
            }
        });
    }
    for ((live, executor), (trace, last)) in lives.iter_mut().zip(&mut executors).zip(wanted) {
        let outcome = asma::program::wait(live.outcome_async(executor)).unwrap();
        assert_eq!((outcome.trace, outcome.last), (trace, last));
    }
}

#[test]
fn an_encoder_of_another_device_is_found_wrong_when_it_is_finished() {
    let Some([first, second]) = two_devices() else {
        return;
    };
    let attack = attack(config());
    let mut executor = executor(&first, &attack);
    let target = target(&attack, 1);
    let mut live = begin(&attack, &mut executor, &target, false);
    let device = second.device();
    let scope = device.push_error_scope(asma::wgpu::ErrorFilter::Validation);
    let mut encoder = device.create_command_encoder(&Default::default());
    live.encode(&mut executor, &mut encoder, f64::INFINITY, 2)
        .unwrap();
    drop(encoder.finish());
    let error = asma::program::wait(async { Ok(scope.pop().await) }).unwrap();
    assert!(
        error.is_some(),
        "commands of one device were recorded for another"
    );
    // Neither device is the worse for it, and an attack that is begun anew goes to its end.
    let mut live = begin(&attack, &mut executor, &target, false);
    take_on(&mut live, &mut executor, 13);
    assert_eq!(live.ended(), Some(StopReason::Iterations));
}

#[test]
fn what_is_built_again_on_a_device_compiles_nothing() {
    let Some(gpu) = host() else { return };
    let attack = attack(config());
    assert_ne!(executor(&gpu, &attack).compiled_pipelines(), 0);
    assert_eq!(executor(&gpu, &attack).compiled_pipelines(), 0);
    // With checks the texts are the same, and what they are compiled to is not.
    let checked = GpuOptions {
        checked: true,
        ..GpuOptions::default()
    };
    let again = GpuExecutor::new(gpu.clone(), attack.program(), &checked).unwrap();
    assert_ne!(again.compiled_pipelines(), 0);
    // What is taken anew of the host has compiled nothing yet.
    let other = GpuDevice::from_host(gpu.device().clone(), gpu.queue().clone());
    assert_ne!(executor(&other, &attack).compiled_pipelines(), 0);
}

/// Bytes that the process has in memory.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    4096 * pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap()
}

/// In a process of its own: what other tests allocate meanwhile would count.
#[test]
#[cfg(target_os = "linux")]
fn memory_stays_flat_over_200_builds_and_drops() {
    const ALONE: &str = "ASMA_TEST_IS_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["live::memory_stays_flat_over_200_builds_and_drops", "--exact"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let Some(opened) = host() else { return };
    let unet = SimpleUnet::doubling(3, 2, 1, 2, Padding::Same);
    let attack = Attack::new(&networks::simple_unet(&unet, 7), IMAGE, config(), false).unwrap();
    let target = target(&attack, 1);
    let out = texture(
        &opened,
        TextureFormat::Rgba8Unorm,
        TextureUsages::RENDER_ATTACHMENT,
    );
    let handle = || GpuDevice::from_host(opened.device().clone(), opened.queue().clone());
    let build_and_drop = |gpu: &GpuDevice| {
        let mut executor: GpuExecutor = executor(gpu, &attack);
        let mut live = begin(&attack, &mut executor, &target, false);
        let picture = attack.mask_picture(0).unwrap();
        let picture = asma::gpu::textures::TexturePicture::new(&executor, &picture, &out).unwrap();
        let calls = live.next_calls(&mut executor, |_| true).unwrap();
        record(gpu, |encoder| {
            executor.encode(encoder, &calls);
            picture.encode(encoder);
        });
        // Dropped with a copy under way.
        live.request(&mut executor).unwrap();
    };
    let mut after = Vec::new();
    let mut gpu = handle();
    for build in 0..200 {
        // A handle keeps what was compiled; another one has pipelines built and dropped too.
        if build % 10 == 0 {
            gpu = handle();
        }
        build_and_drop(&gpu);
        if build % 20 == 19 {
            opened
                .device()
                .poll(asma::wgpu::PollType::wait_indefinitely())
                .unwrap();
            after.push(resident());
        }
    }
    // The first twenty fill what allocators and the driver keep.
    let growth = after[9].saturating_sub(after[2]);
    assert!(
        growth < 8 << 20,
        "{growth} bytes more after 200 builds than after 60: {after:?}"
    );
}
