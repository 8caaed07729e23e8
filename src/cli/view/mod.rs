//! `asma view`: an attack live in a window.

mod app;
mod controls;
mod curves;
mod panels;
mod work;

use std::path::PathBuf;
use std::sync::Arc;

use asma::attack::{AsmaConfig, Target};
use asma::gpu::{Capabilities, DeviceChoice, GpuDevice, GpuOptions, device_descriptor};
use asma::{Error, Result, wgpu};
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use eframe::egui;
use eframe::egui_wgpu::{WgpuConfiguration, WgpuSetup, WgpuSetupCreateNew};

use self::app::App;
use self::work::Wanted;
use super::network::{DeviceArguments, ReadingArguments};
use super::outputs::OutputFolder;
use super::preparation::PreparationArguments;

/// Watch an attack in a window: run it, pause it, change its settings, paint the target, save what comes of it
#[derive(Debug, Args)]
pub struct Arguments {
    /// The image to attack; it can be dropped onto the window too
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// The network, as `asma attack` takes it; it can be dropped onto the window too
    #[arg(long, visible_alias = "model", value_name = "FILE")]
    weights: Option<PathBuf>,
    /// What the network should predict, as `asma attack` takes it; it can be painted and moved too
    #[arg(long, value_name = "TARGET", value_parser = OsStringValueParser::new().try_map(Target::try_from), allow_hyphen_values = true)]
    target: Option<Target>,
    /// The folder that results are saved to
    #[arg(long, value_name = "DIR", default_value = "asma-view")]
    out: PathBuf,
    /// Most iterations
    #[arg(long, value_name = "N", default_value_t = 500)]
    iterations: u32,
    /// Stop at this IoU, from 0 to 1
    #[arg(long, value_name = "IOU")]
    stop_iou: Option<f32>,
    #[command(flatten)]
    reading: ReadingArguments,
    #[command(flatten)]
    device: DeviceArguments,
    #[command(flatten)]
    preparation: PreparationArguments,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let config = AsmaConfig {
        iterations: arguments.iterations,
        stop_iou: arguments.stop_iou,
        ..AsmaConfig::default()
    };
    let choice = arguments.device.choice().clone();
    if choice == DeviceChoice::Cpu {
        return Err(Error::Usage(
            "a window shows the attack on the GPU that draws it; take another --device than cpu".into(),
        ));
    }
    let out = OutputFolder::open(&arguments.out)?;
    let wanted = Wanted {
        image: arguments.image.clone(),
        model: arguments.weights.clone(),
        model_options: arguments.reading.options(),
        input: arguments.preparation.input(),
        preset: arguments.preparation.preset,
        target: arguments.target.clone(),
        config,
        options: GpuOptions::default(),
    };
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("asma")
            .with_inner_size([1280.0, 800.0])
            .with_drag_and_drop(true),
        wgpu_options: WgpuConfiguration {
            wgpu_setup: WgpuSetup::CreateNew(setup(choice)),
            ..Default::default()
        },
        ..Default::default()
    };
    let device = arguments.device.clone();
    let failed = |error: eframe::Error| Error::Device(format!("the window could not be opened: {error}"));
    eframe::run_native(
        "asma",
        options,
        Box::new(move |context| {
            let state = context
                .wgpu_render_state
                .as_ref()
                .ok_or("the window is drawn without wgpu")?;
            // Where no error scope catches an error, wgpu's own handler would end the process.
            let log = |error: wgpu::Error| log::error!("{error}");
            state.device.on_uncaptured_error(Arc::new(log));
            let gpu = GpuDevice::from_host(state.device.clone(), state.queue.clone())
                .with_matrix_units_of(&state.adapter);
            let wanted = Wanted {
                options: device.options(&gpu),
                ..wanted
            };
            Ok(Box::new(App::new(wanted, out, gpu, state.renderer.clone())))
        }),
    )
    .map_err(failed)
}

/// A device with all that the adapter of this choice has.
fn setup(choice: DeviceChoice) -> WgpuSetupCreateNew {
    let mut setup = WgpuSetupCreateNew::without_display_handle();
    setup.instance_descriptor.backends = wgpu::Backends::from_env().unwrap_or(wgpu::Backends::PRIMARY);
    setup.device_descriptor = Arc::new(|adapter| device_descriptor(adapter, Capabilities::Full));
    if choice != DeviceChoice::Auto {
        setup.native_adapter_selector = Some(Arc::new(move |adapters, surface| {
            let draws = |adapter: &&wgpu::Adapter| {
                surface.is_none_or(|surface| adapter.is_surface_supported(surface))
            };
            let infos: Vec<_> = adapters.iter().map(wgpu::Adapter::get_info).collect();
            let place = choice.place(&infos);
            let adapter = place.and_then(|place| adapters.get(place)).filter(draws);
            adapter.cloned().ok_or_else(|| {
                let names: Vec<_> = infos.iter().map(|info| info.name.clone()).collect();
                format!(
                    "no adapter that draws to a window matches --device {choice}; there are: {}",
                    names.join(", ")
                )
            })
        }));
    }
    setup
}
