//! The attack inside an application on bevy, on bevy's own device: as much of it as a frame has time for is recorded in an
//! encoder of the render world, and what comes of it is in images that bevy shows as sprites. The space bar pauses.
//!
//! A package of its own: bevy is large, and wants Rust 1.97.1. Run with `cargo run --release --manifest-path
//! examples/bevy/Cargo.toml -- IMAGE NETWORK [TARGET]`; `asma demo` writes an image and a network that it can be tried with.

use std::time::Duration;

use asma::attack::{AsmaConfig, Attack, AttackInput, Live, Snapshots, Target};
use asma::data::InputOptions;
use asma::gpu::textures::{Picture, TexturePicture};
use asma::gpu::{FrameBudget, GpuDevice, GpuExecutor, GpuOptions};
use asma::model::{Model, ModelOptions};
use asma::{LabelMap, Tensor};
use bevy::core_pipeline::schedule::camera_driver;
use bevy::prelude::*;
use bevy::render::render_asset::RenderAssets;
use bevy::render::render_resource::TextureFormat;
use bevy::render::renderer::{RenderContext, RenderDevice, RenderGraph, RenderGraphSystems, RenderQueue};
use bevy::render::texture::GpuImage;
use bevy::render::{MainWorld, Render, RenderApp, RenderStartup, RenderSystems};

/// Height and width of an image in the window.
const SIDE: f32 = 480.0;

fn main() -> std::result::Result<AppExit, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [image, network, target @ ..] = arguments.as_slice() else {
        return Err("want an image and a network: asma-in-bevy IMAGE NETWORK [TARGET]".into());
    };
    let target = target.first().map_or("scale:1.6", String::as_str);
    let job = Job::read(image, network, target.parse()?)?;
    let shape = job.source.shape();
    let mut app = App::new();
    app.add_plugins(DefaultPlugins.set(WindowPlugin {
        primary_window: Some(Window {
            resolution: (2 * SIDE as u32, SIDE as u32).into(),
            ..default()
        }),
        ..default()
    }))
    .add_systems(Update, show_status.run_if(resource_exists_and_changed::<Status>));

    // Images that are drawn to on the GPU: a render target has all usages that are needed.
    let mut images = app.world_mut().resource_mut::<Assets<Image>>();
    let shown = [-0.5, 0.5].map(|place| {
        let (width, height) = (shape.w as u32, shape.h as u32);
        let image = Image::new_target_texture(width, height, TextureFormat::Rgba8UnormSrgb, None);
        (images.add(image), place)
    });
    for (image, place) in &shown {
        let sprite = Sprite {
            image: image.clone(),
            custom_size: Some(Vec2::splat(SIDE)),
            ..default()
        };
        let place = Transform::from_xyz(place * SIDE, 0.0, 0.0);
        app.world_mut().spawn((sprite, place));
    }
    app.world_mut().spawn((Camera2d, Msaa::Off));

    app.sub_app_mut(RenderApp)
        .insert_resource(job)
        .insert_resource(Shown(shown.map(|(image, _)| image)))
        .insert_resource(Status("no iteration yet".into()))
        .add_systems(RenderStartup, begin.pipe(show_error))
        .add_systems(ExtractSchedule, exchange)
        .add_systems(
            Render,
            prepare_pictures
                .pipe(show_error)
                .run_if(resource_exists::<Running>)
                .in_set(RenderSystems::PrepareBindGroups),
        )
        .add_systems(
            RenderGraph,
            (
                record
                    .pipe(show_error)
                    .in_set(RenderGraphSystems::Render)
                    // The cameras see what this frame's part of the attack has drawn.
                    .before(camera_driver),
                after_submission
                    .pipe(show_error)
                    .in_set(RenderGraphSystems::Finish),
            )
                .run_if(resource_exists::<Running>),
        );
    Ok(app.run())
}

/// What is attacked and how, planned before there is a device.
#[derive(Resource)]
struct Job {
    attack: Attack,
    source: Tensor,
    target: Target,
}

impl Job {
    fn read(image: &str, network: &str, target: Target) -> asma::Result<Job> {
        let model = Model::open(network, &ModelOptions::default())?;
        let input = InputOptions::default().read(image, &model.graph)?;
        let config = AsmaConfig {
            stop_iou: Some(0.97),
            ..AsmaConfig::default()
        };
        Ok(Job {
            attack: Attack::changeable(&input.network.graph, input.image.shape(), config)?,
            source: input.image,
            target,
        })
    }
}

/// The images that are drawn to: the adversarial image, and what the network predicts for it.
#[derive(Resource)]
struct Shown([Handle<Image>; 2]);

/// How the attack stands, or why there is none, in words.
#[derive(Resource, Clone)]
struct Status(String);

/// The attack under way.
#[derive(Resource)]
struct Running {
    executor: GpuExecutor,
    live: Live,
    budget: FrameBudget,
    /// Made once bevy has made its images' textures.
    pictures: Vec<TexturePicture>,
    is_paused: bool,
    /// What this frame's part of the attack costs.
    cost: f64,
}

/// Bevy has its device: compiles all kernels on it and writes the image. Waits for that, before the first frame.
///
/// Bevy opens its device with all limits that the adapter has. Where an application's `WgpuSettings` have less than
/// `asma::gpu::required_limits`, the executor says what is missing.
fn begin(
    job: Res<Job>,
    device: Res<RenderDevice>,
    queue: Res<RenderQueue>,
    mut commands: Commands,
) -> asma::Result<()> {
    let gpu = GpuDevice::from_host(device.wgpu_device().clone(), (**queue).clone());
    info!("attacking on {}", gpu.describe());
    let mut executor = GpuExecutor::new(gpu, job.attack.program(), &GpuOptions::default())?;
    let predicted = job.attack.predict(&mut executor, &job.source)?;
    let target = job
        .target
        .from_prediction(&predicted[0], job.attack.class_count())?
        .ok_or_else(|| asma::Error::Usage(format!("{}: want a target that is no file", job.target)))?;
    let shape = job.source.shape();
    let input = AttackInput {
        source: &job.source,
        targets: &[target],
        regions: &[LabelMap::from_fn(shape.h, shape.w, |_, _| 1)?],
        snapshots: Snapshots::None,
    };
    commands.insert_resource(Running {
        live: Live::begin(job.attack.clone(), &mut executor, input)?,
        executor,
        budget: FrameBudget::new(Duration::from_millis(33)),
        pictures: Vec::new(),
        is_paused: false,
        cost: 0.0,
    });
    Ok(())
}

/// Between two frames, while both worlds can be reached: keys go to the attack, and how it stands to the main world.
fn exchange(mut main: ResMut<MainWorld>, running: Option<ResMut<Running>>, status: Res<Status>) {
    if let Some(mut running) = running {
        let keys = main.resource::<ButtonInput<KeyCode>>();
        running.is_paused ^= keys.just_pressed(KeyCode::Space);
    }
    if status.is_changed() {
        main.insert_resource(status.clone());
    }
}

fn show_status(status: Res<Status>, mut window: Single<&mut Window>) {
    window.title.clone_from(&status.0);
}

/// Makes ready what each frame draws to the textures of bevy's images.
fn prepare_pictures(
    mut running: ResMut<Running>,
    shown: Res<Shown>,
    images: Res<RenderAssets<GpuImage>>,
) -> asma::Result<()> {
    let textures = shown.0.each_ref().map(|image| images.get(image));
    if let [Some(adversarial), Some(prediction)] = textures
        && running.pictures.is_empty()
    {
        let image = running.live.attack().adversarial();
        let labels = running.live.attack().predicted_labels(0).expect("one sample");
        let overlay = Picture::Overlay { labels, image };
        running.pictures = vec![
            TexturePicture::new(&running.executor, &Picture::Image(image), &*adversarial.texture)?,
            TexturePicture::new(&running.executor, &overlay, &*prediction.texture)?,
        ];
    }
    Ok(())
}

/// Takes what statistics have arrived, and records as much of the attack as this frame has time for. Never waits.
fn record(
    mut running: ResMut<Running>,
    mut status: ResMut<Status>,
    mut context: RenderContext,
) -> asma::Result<()> {
    let running = &mut *running;
    if running.live.arrive()?
        && let Some(row) = running.live.trace().last()
    {
        let (number, iou, l2) = (row.iteration, row.iou, row.l2);
        status.0 = format!("iteration {number}: IoU {iou:.4}, L2 {l2:.4}");
        if let Some(reason) = running.live.ended() {
            status.0 += &format!(", {reason}");
        }
        info!("{}", status.0);
    }
    // None while an earlier frame's part is not done.
    let Some(units) = running.budget.room(running.executor.gpu())? else {
        return Ok(());
    };
    let iterations = if running.is_paused { 0 } else { u32::MAX };
    let encoder = context.command_encoder();
    let executor = &mut running.executor;
    running.cost = running.live.encode(executor, encoder, units, iterations)?;
    for picture in &running.pictures {
        picture.encode(encoder);
    }
    Ok(())
}

/// Bevy has submitted the frame: asks for the statistics of the iterations that are in it, a small copy of its own.
fn after_submission(mut running: ResMut<Running>) -> asma::Result<()> {
    let running = &mut *running;
    let cost = std::mem::take(&mut running.cost);
    if cost > 0.0 {
        running.budget.submitted(running.executor.gpu(), cost);
    }
    running.live.request(&mut running.executor)
}

/// An error ends the attack, not the application.
fn show_error(In(result): In<asma::Result<()>>, mut status: ResMut<Status>, mut commands: Commands) {
    if let Err(error) = result {
        error!("{error}");
        status.0 = error.to_string();
        commands.remove_resource::<Running>();
    }
}
