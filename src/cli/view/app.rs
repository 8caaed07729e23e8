//! The window: what is shown when, and the keys.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use asma::gpu::GpuDevice;
use asma::view::{Panel, Session};
use asma::{Error, Result, wgpu};
use eframe::egui::{self, Key, Modifiers, TextureId, Ui};
use eframe::egui_wgpu::Renderer;
use eframe::egui_wgpu::wgpu::FilterMode;

use super::controls::{self, Asked};
use super::curves;
use super::panels::{Tool, View};
use super::work::{Wanted, Work};
use crate::cli::demo;
use crate::cli::outputs::OutputFolder;

pub struct App {
    wanted: Wanted,
    out: Arc<OutputFolder>,
    gpu: GpuDevice,
    renderer: Arc<egui::mutex::RwLock<Renderer>>,
    session: Option<Box<Session>>,
    work: Option<Work>,
    textures: HashMap<Panel, TextureId>,
    /// Columns and rows of the images that are shown.
    image: [f32; 2],
    view: View,
    lines: Vec<String>,
    problem: Option<Error>,
    times: FrameTimes,
    /// Whether what was asked for on the command line was begun to be opened.
    is_begun: bool,
}

impl App {
    pub fn new(
        wanted: Wanted,
        out: OutputFolder,
        gpu: GpuDevice,
        renderer: Arc<egui::mutex::RwLock<Renderer>>,
    ) -> App {
        App {
            wanted,
            out: Arc::new(out),
            gpu,
            renderer,
            session: None,
            work: None,
            textures: HashMap::new(),
            image: [1.0; 2],
            view: View::default(),
            lines: Vec::new(),
            problem: None,
            times: FrameTimes::default(),
            is_begun: false,
        }
    }

    /// Opens what is wanted, if image and network are known.
    fn open(&mut self, context: &egui::Context) {
        let Some(request) = self.wanted.request() else {
            return;
        };
        let inputs = [&request.image, &request.model].map(|path| path.as_path());
        if let Err(error) = self.out.refuse_for_one_image(inputs) {
            self.problem = Some(error);
            return;
        }
        self.session = None;
        self.work = Some(Work::open(request, self.gpu.clone(), waking(context)));
    }

    fn begin(&mut self, context: &egui::Context, asked: Asked) {
        let Some(session) = self.session.take() else {
            return;
        };
        let out = self.out.clone();
        self.work = Some(match asked {
            Asked::Reset => Work::with("beginning anew", session, waking(context), |session| {
                session.reset()?;
                Ok(Vec::new())
            }),
            Asked::Save => Work::with("judging and saving", session, waking(context), move |session| {
                out.clear_for_one_image()?;
                let performed = session.save(out.path())?;
                let saved = performed.summary.results.rounded_to_8_bits;
                let mut lines = vec![format!(
                    "saved to {}: as 8 bits IoU {:.4}, L2 {:.3}, L∞ {:.4}",
                    out.path().display(),
                    saved.iou,
                    saved.l2,
                    saved.linf
                )];
                lines.extend(performed.notes);
                Ok(lines)
            }),
        });
    }

    /// Takes back what was under way, once it is done.
    fn collect(&mut self) {
        let Some(done) = self.work.as_ref().and_then(Work::done) else {
            return;
        };
        self.work = None;
        self.lines = done.lines;
        self.problem = done.problem;
        self.session = done.session;
        self.times = FrameTimes::default();
        if let Some(session) = &self.session {
            let shape = session.shape();
            self.image = [shape.w as f32, shape.h as f32];
            let mut renderer = self.renderer.write();
            for panel in Panel::ALL {
                let Some(texture) = session.texture(panel) else {
                    continue;
                };
                let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
                let device = self.gpu.device();
                match self.textures.get(&panel) {
                    Some(id) => renderer.update_egui_texture_from_wgpu_texture(
                        device,
                        &view,
                        FilterMode::Nearest,
                        *id,
                    ),
                    None => {
                        let id = renderer.register_native_texture(device, &view, FilterMode::Nearest);
                        self.textures.insert(panel, id);
                    }
                }
            }
        }
    }

    fn keys(&mut self, context: &egui::Context) -> Result<Option<Asked>> {
        // They are typed into a number beside a slider.
        if context.text_edit_focused() {
            return Ok(None);
        }
        let pressed = |key| context.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        let with_control = |key| context.input_mut(|input| input.consume_key(Modifiers::COMMAND, key));
        let mut asked = None;
        if let Some(session) = &mut self.session {
            if with_control(Key::S) && !session.trace().is_empty() {
                asked = Some(Asked::Save);
            }
            if with_control(Key::Z) {
                session.edit(|editor| Ok(editor.undo()))?;
            }
            if pressed(Key::Space) {
                session.run(!session.is_running());
            }
            if pressed(Key::N) {
                session.step();
            }
            if pressed(Key::R) {
                asked = Some(Asked::Reset);
            }
        }
        for (key, tool) in [(Key::H, Tool::Hand), (Key::B, Tool::Brush), (Key::M, Tool::Move)] {
            if pressed(key) {
                self.view.tool = tool;
            }
        }
        let numbers = [
            Key::Num1,
            Key::Num2,
            Key::Num3,
            Key::Num4,
            Key::Num5,
            Key::Num6,
            Key::Num7,
        ];
        for (key, panel) in numbers.into_iter().zip(Panel::ALL) {
            if pressed(key) {
                (self.view.focus, self.view.split) = (Some(panel), None);
            }
        }
        if pressed(Key::Escape) {
            (self.view.focus, self.view.split) = (None, None);
        }
        if pressed(Key::T) {
            self.view.split = match self.view.split {
                Some(_) => None,
                None => Some(0.5),
            };
        }
        if pressed(Key::F) {
            self.view.placement = Default::default();
        }
        for (key, factor) in [(Key::OpenBracket, 0.8), (Key::CloseBracket, 1.25)] {
            if pressed(key) {
                self.view.radius = (self.view.radius * factor).clamp(1.0, 200.0);
            }
        }
        Ok(asked)
    }

    /// What there is to do before anything is opened.
    fn show_empty(&mut self, ui: &mut Ui) {
        let name = |path: &Option<std::path::PathBuf>| match path {
            Some(path) => path.display().to_string(),
            None => "none yet".into(),
        };
        ui.vertical_centered(|ui| {
            ui.add_space(ui.available_height() / 3.0);
            ui.heading("Drop an image and a network here");
            ui.label(format!("image: {}", name(&self.wanted.image)));
            ui.label(format!("network: {}", name(&self.wanted.model)));
            ui.add_space(12.0);
            if ui.button("Open the bundled photograph and network").clicked() {
                match demo::write_bundled(&self.out) {
                    Ok([model, image]) => {
                        (self.wanted.model, self.wanted.image) = (Some(model), Some(image));
                        self.wanted.target.get_or_insert(demo::TARGET);
                        self.open(ui.ctx());
                    }
                    Err(error) => self.problem = Some(error),
                }
            }
        });
    }

    fn show(&mut self, ui: &mut Ui) -> Result<Option<Asked>> {
        let context = ui.ctx().clone();
        let mut asked = self.keys(&context)?;
        let mut result = Ok(());
        egui::Panel::left("controls").default_size(300.0).show(ui, |ui| {
            egui::ScrollArea::vertical().show(ui, |ui| {
                match (&mut self.session, &self.work) {
                    (Some(session), _) => match controls::show(ui, &mut self.view, session) {
                        Ok(pressed) => asked = asked.or(pressed),
                        Err(error) => result = Err(error),
                    },
                    (None, Some(work)) => {
                        ui.horizontal(|ui| {
                            ui.spinner();
                            ui.label(format!("{} …", work.what));
                        });
                    }
                    (None, None) => {}
                }
                ui.separator();
                if let Some(error) = &self.problem {
                    controls::problem(ui, error);
                }
                for line in &self.lines {
                    ui.label(egui::RichText::new(line).small());
                }
                ui.label(
                    egui::RichText::new(format!("{}\n{}", self.gpu.describe(), self.times))
                        .small()
                        .weak(),
                );
            });
        });
        result?;
        if self.textures.is_empty() {
            egui::CentralPanel::default().show(ui, |ui| self.show_empty(ui));
            return Ok(asked);
        }
        if let Some(session) = &self.session {
            egui::Panel::bottom("curves")
                .resizable(true)
                .default_size(130.0)
                .show(ui, |ui| curves::show(ui, session.trace()));
        }
        egui::CentralPanel::default()
            .show(ui, |ui| {
                let session = self.session.as_deref_mut();
                self.view.show(ui, &self.textures, self.image, session)
            })
            .inner?;
        Ok(asked)
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        let context = ui.ctx().clone();
        if !std::mem::replace(&mut self.is_begun, true) {
            self.open(&context);
        }
        self.collect();
        let dropped = context.input(|input| input.raw.dropped_files.clone());
        if !dropped.is_empty() && self.work.is_none() {
            for file in dropped {
                self.wanted.take(file.path().to_path_buf());
            }
            self.open(&context);
        }
        match self.show(ui) {
            Ok(None) => {}
            Ok(Some(asked)) => self.begin(&context, asked),
            Err(error) => self.problem = Some(error),
        }
        // Behind the window's own input, and before its drawing is submitted.
        if let Some(session) = &mut self.session {
            if let Err(error) = session.frame() {
                session.run(false);
                self.problem = Some(error);
            }
            if session.is_busy() {
                context.request_repaint();
                self.times.frame();
            } else {
                self.times.rest();
            }
        }
    }
}

/// Draws the window again from another thread.
fn waking(context: &egui::Context) -> impl FnOnce() + Send + 'static {
    let context = context.clone();
    move || context.request_repaint()
}

/// How long the last frames took from one to the next, while there was something to do.
#[derive(Default)]
struct FrameTimes {
    last: Option<Instant>,
    milliseconds: VecDeque<f32>,
}

/// Frames that are looked at.
const MOST_TIMES: usize = 120;

impl FrameTimes {
    fn frame(&mut self) {
        let now = Instant::now();
        if let Some(last) = self.last.replace(now) {
            if self.milliseconds.len() == MOST_TIMES {
                self.milliseconds.pop_front();
            }
            self.milliseconds.push_back(1e3 * (now - last).as_secs_f32());
        }
    }

    fn rest(&mut self) {
        self.last = None;
    }
}

impl std::fmt::Display for FrameTimes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted: Vec<f32> = self.milliseconds.iter().copied().collect();
        sorted.sort_by(f32::total_cmp);
        match sorted.as_slice() {
            [] => Ok(()),
            [.., longest] => write!(
                f,
                "{} frames: median {:.1} ms, longest {longest:.1} ms",
                sorted.len(),
                sorted[sorted.len() / 2]
            ),
        }
    }
}
