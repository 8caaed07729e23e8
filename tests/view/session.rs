//! An attack taken on frame by frame.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use asma::attack::{AsmaConfig, Attack, AttackInput, MaskMode, Objective, Snapshots, StopReason};
use asma::gpu::{Capabilities, GpuDevice, GpuExecutor, GpuOptions};
use asma::job::{FILES, Silent};
use asma::report::read_summary;
use asma::view::{Panel, Request, Session, Settings};
use asma::wgpu;

use crate::common;

fn bundled(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("weights").join(name)
}

fn request(config: AsmaConfig) -> Request {
    Request {
        image: bundled("demo.png"),
        model: bundled("fundus.safetensors"),
        model_options: Default::default(),
        input: Default::default(),
        preset: None,
        target: Some("scale:1.6".parse().unwrap()),
        config,
        options: GpuOptions::default(),
    }
}

fn config() -> AsmaConfig {
    AsmaConfig {
        stop_iou: Some(0.9),
        iterations: 200,
        ..AsmaConfig::default()
    }
}

fn open(config: AsmaConfig) -> Option<(Session, GpuDevice)> {
    let gpu = common::gpu(Capabilities::Baseline)?;
    Some((Session::open(request(config), &gpu, &mut Silent).unwrap(), gpu))
}

/// Frames until the attack has ended, or rests after a step.
fn frames(session: &mut Session) -> usize {
    let mut count = 0;
    let begun = Instant::now();
    while session.is_busy() {
        assert!(begun.elapsed() < Duration::from_secs(300), "it does not end");
        session.frame().unwrap();
        session.gpu().device().poll(wgpu::PollType::Poll).unwrap();
        count += 1;
    }
    count
}

/// What stands in a panel's texture: the mean of all levels.
fn mean_level(session: &Session, panel: Panel) -> f64 {
    let texture = session.texture(panel).unwrap();
    let size = texture.size();
    let row = 4 * size.width;
    let padded = row.next_multiple_of(256);
    let device = session.gpu().device();
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: u64::from(padded * size.height),
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&Default::default());
    let layout = wgpu::TexelCopyBufferInfo {
        buffer: &buffer,
        layout: wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(padded),
            rows_per_image: None,
        },
    };
    encoder.copy_texture_to_buffer(texture.as_image_copy(), layout, size);
    session.gpu().queue().submit([encoder.finish()]);
    buffer.map_async(wgpu::MapMode::Read, .., |mapped| mapped.unwrap());
    device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
    let mapped = buffer.get_mapped_range(..).unwrap();
    let levels = mapped
        .chunks(padded as usize)
        .flat_map(|padded| &padded[..row as usize]);
    let sum: f64 = levels.map(|&level| f64::from(level)).sum();
    sum / f64::from(row * size.height)
}

#[test]
fn frames_come_to_what_run_comes_to_and_it_is_saved() {
    let Some((mut session, gpu)) = open(config()) else {
        return;
    };
    session.run(true);
    let count = frames(&mut session);
    assert_eq!(session.ended(), Some(StopReason::IouReached));
    assert!(!session.is_running());
    let rows = session.trace().to_vec();
    assert!(
        count >= rows.len() / 8,
        "{count} frames for {} iterations",
        rows.len()
    );

    let model = asma::model::Model::open(bundled("fundus.safetensors"), &Default::default()).unwrap();
    let attack = Attack::new(&model.graph, session.shape(), config(), false).unwrap();
    let mut executor = GpuExecutor::new(gpu, attack.program(), &GpuOptions::default()).unwrap();
    let input = AttackInput {
        source: session.live().source(),
        targets: std::slice::from_ref(session.live().target()),
        regions: &[],
        snapshots: Snapshots::None,
    };
    let alone = attack
        .run(&mut executor, input, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!(rows, alone[0].trace);

    let folder = tempfile::tempdir().unwrap();
    let performed = session.save(folder.path()).unwrap();
    for name in FILES.iter().filter(|name| **name != "animation.gif") {
        assert!(folder.path().join(name).is_file(), "{name} was not written");
    }
    let summary = read_summary(folder.path().join("summary.json")).unwrap();
    assert_eq!(
        (summary.target.as_str(), summary.iterations as usize),
        ("scale:1.6", rows.len())
    );
    assert!(performed.attacked.judged.saved_scores().iou >= 0.9);
    assert!(!performed.attacked.moments.is_empty());
    assert!(summary.seconds > 0.0);
}

#[test]
fn steps_pictures_settings_and_resets() {
    let Some((mut session, _)) = open(AsmaConfig {
        stop_iou: None,
        ..config()
    }) else {
        return;
    };
    frames(&mut session);
    assert!(session.trace().is_empty());
    assert!(
        session.save(Path::new("nowhere")).is_err(),
        "there is nothing to save"
    );
    // No perturbation yet: mid-grey, opaque.
    let grey = (3.0 * 128.0 + 255.0) / 4.0;
    assert!((mean_level(&session, Panel::Perturbation) - grey).abs() < 0.5);
    let mask = mean_level(&session, Panel::Mask);

    for count in 1..=3 {
        session.step();
        frames(&mut session);
        assert_eq!(session.trace().len(), count);
        assert!(!session.is_running());
    }
    let settings = Settings {
        objective: Objective::Logit,
        mask: MaskMode::Static,
        step_factor: 4.0,
        cap: 1.0,
        ..session.settings().clone()
    };
    let before = session.live().step().unwrap();
    session.set_settings(settings).unwrap();
    assert_eq!(session.live().step().unwrap().tau, 4.0 * before.tau);
    session.step();
    frames(&mut session);
    assert_eq!(session.trace().len(), 4);
    // All of the target drives the attack now.
    assert!((mean_level(&session, Panel::Mask) - mask).abs() > 1.0);
    session.magnify(1.0);
    frames(&mut session);
    assert!((mean_level(&session, Panel::Perturbation) - grey).abs() < 0.5);

    // Painted all over, the target is that from the next iteration on, and shown before.
    let target = mean_level(&session, Panel::Target);
    session
        .edit(|editor| {
            editor.begin();
            editor.paint([100.0, 100.0], [100.0, 100.0], 1000.0, 1)
        })
        .unwrap();
    frames(&mut session);
    assert!((mean_level(&session, Panel::Target) - target).abs() > 1.0);
    assert_eq!(session.live().target().count(0), 0);

    let settings = Settings {
        lambda: 3.0,
        ..session.settings().clone()
    };
    session.set_settings(settings).unwrap();
    assert_eq!(session.live().attack().config().asma().unwrap().lambda, 1.0);
    session.reset().unwrap();
    assert!(session.trace().is_empty());
    let now = session.live().attack().config().asma().unwrap();
    assert_eq!((now.lambda, now.objective), (3.0, Objective::Logit));
    assert_eq!(session.live().target().count(0), 0, "the painted target stays");
    session.step();
    frames(&mut session);
    assert_eq!(session.trace().len(), 1);
}

#[test]
fn files_that_are_not_what_they_should_be_are_refused() {
    let Some(gpu) = common::gpu(Capabilities::Baseline) else {
        return;
    };
    let swapped = Request {
        image: bundled("fundus.safetensors"),
        model: bundled("demo.png"),
        ..request(config())
    };
    assert!(Session::open(swapped, &gpu, &mut Silent).is_err());
    let missing = Request {
        image: bundled("missing.png"),
        ..request(config())
    };
    let error = Session::open(missing, &gpu, &mut Silent).unwrap_err();
    assert!(error.to_string().contains("missing.png"), "{error}");
}
