//! A panel that attacks an image, in somebody else's application on egui: on the device that egui opens by itself, with its
//! default limits and no features. `asma view` is such an application with all that there is to show.
//!
//! Run with `cargo run --release --features viewer --example egui_panel -- IMAGE NETWORK [TARGET]`; `asma demo` writes an image
//! and a network that it can be tried with.

use asma::attack::AsmaConfig;
use asma::data::InputOptions;
use asma::gpu::{GpuDevice, GpuOptions};
use asma::job::Silent;
use asma::view::{Panel, Request, Session};
use eframe::egui;
use eframe::egui_wgpu::wgpu::FilterMode;

fn main() -> eframe::Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (image, model) = match arguments.as_slice() {
        [image, model, ..] => (image.clone(), model.clone()),
        _ => {
            eprintln!("want an image and a network: egui_panel IMAGE NETWORK [TARGET]");
            std::process::exit(2);
        }
    };
    let target = arguments.get(2).cloned().unwrap_or("scale:1.6".into());
    eframe::run_native(
        "somebody else's application",
        eframe::NativeOptions::default(),
        Box::new(move |context| {
            let state = context
                .wgpu_render_state
                .as_ref()
                .ok_or("egui draws without wgpu")?;
            let gpu = GpuDevice::from_host(state.device.clone(), state.queue.clone());
            let request = Request {
                image: image.into(),
                model: model.into(),
                model_options: Default::default(),
                input: InputOptions::default(),
                preset: None,
                target: Some(target.parse()?),
                config: AsmaConfig {
                    stop_iou: Some(0.97),
                    ..AsmaConfig::default()
                },
                options: GpuOptions::default(),
            };
            let session = Session::open(request, &gpu, &mut Silent)?;
            let mut renderer = state.renderer.write();
            let shown = [Panel::Adversarial, Panel::Now, Panel::Mask].map(|panel| {
                let texture = session.texture(panel).expect("a session has all panels");
                let view = texture.create_view(&Default::default());
                renderer.register_native_texture(&state.device, &view, FilterMode::Linear)
            });
            println!("{}, limits {:?}", gpu.describe(), state.device.limits());
            Ok(Box::new(Application { session, shown }))
        }),
    )
}

struct Application {
    session: Session,
    /// Pictures of the attack, as egui calls them.
    shown: [egui::TextureId; 3],
}

impl eframe::App for Application {
    fn ui(&mut self, ui: &mut egui::Ui, _: &mut eframe::Frame) {
        egui::Panel::left("asma").default_size(220.0).show(ui, |ui| {
            let text = if self.session.is_running() {
                "Pause"
            } else {
                "Attack"
            };
            if ui.button(text).clicked() {
                self.session.run(!self.session.is_running());
            }
            if let Some(row) = self.session.trace().last() {
                ui.label(format!(
                    "iteration {}: IoU {:.4}, L2 {:.4}",
                    row.iteration, row.iou, row.l2
                ));
            }
            if let Some(reason) = self.session.ended() {
                ui.label(reason.to_string());
            }
            let side = ui.available_width().min(ui.available_height() / 3.0 - 8.0);
            for texture in self.shown {
                ui.image((texture, egui::vec2(side, side)));
            }
        });
        egui::CentralPanel::default().show(ui, |ui| ui.heading("What the application is about"));
        if let Err(error) = self.session.frame() {
            eprintln!("{error}");
            self.session.run(false);
        }
        if self.session.is_busy() {
            ui.ctx().request_repaint();
        }
    }
}
