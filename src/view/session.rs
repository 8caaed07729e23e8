//! An image and a network, with the attack on it under way and pictures of it in textures.

use std::path::{Path, PathBuf};

use web_time::{Duration, Instant};

use super::editor::TargetEditor;
use super::pictures::{Panel, Pictures};
use super::settings::Settings;
use crate::attack::{AsmaConfig, Attack, AttackInput, Live, Snapshots, Step, StopReason, Target};
use crate::data::{InputOptions, Preset};
use crate::error::{Error, Result};
use crate::gpu::{FrameBudget, GpuDevice, GpuExecutor, GpuOptions};
use crate::graph::Graph;
use crate::job::{Aimed, Goal, ImageSource, Listener, ModelSource, Names, Performed, Silent, write_results};
use crate::labels::LabelMap;
use crate::model::ModelOptions;
use crate::program::{Executor, wait};
use crate::statistics::TraceRow;
use crate::tensor::{Shape, Tensor};

/// What is to be opened.
#[derive(Clone, Debug)]
pub struct Request {
    /// The image's file, or a tensor in one.
    pub image: PathBuf,
    /// The network's file.
    pub model: PathBuf,
    /// What that may not say of itself.
    pub model_options: ModelOptions,
    /// How the image is read and prepared.
    pub input: InputOptions,
    /// The preset that this is from.
    pub preset: Option<Preset>,
    /// What the network shall predict at first; what it predicts already, to be painted on, if it is left open.
    pub target: Option<Target>,
    /// The attack's settings.
    pub config: AsmaConfig,
    /// How calls are run.
    pub options: GpuOptions,
}

/// An attack in a window: opened once, and taken on a little in each frame.
#[derive(Debug)]
pub struct Session {
    request: Request,
    names: Names,
    graph: Graph,
    before: LabelMap,
    target_name: String,
    editor: TargetEditor,
    settings: Settings,
    executor: GpuExecutor,
    live: Live,
    /// The step that the first gradient gave.
    first_step: Option<Step>,
    pictures: Pictures,
    magnification: f32,
    budget: FrameBudget,
    /// Whether the attack goes on.
    is_running: bool,
    /// Whether it goes on to the end of one iteration.
    is_stepping: bool,
    /// Whether pictures are not what they were drawn of any more.
    is_stale: bool,
    /// The attack's wall-clock time, but for that in which it rested.
    worked: Duration,
    /// When the last frame began, if the attack went on in it.
    last_frame: Option<Instant>,
}

/// How often frames shall come.
const AIM: Duration = Duration::from_millis(33);

impl Session {
    /// Reads network and image, plans the attack, compiles its kernels on the device and draws all pictures. Waits for all of
    /// it, so that a window does it on a thread of its own; `listener` is told what was accepted.
    ///
    /// # Errors
    /// If a file cannot be read, image or target do not fit the network, or the device fails or does not allow what the
    /// network needs.
    pub fn open(request: Request, gpu: &GpuDevice, listener: &mut dyn Listener) -> Result<Session> {
        let model = ModelSource::File {
            path: &request.model,
            options: &request.model_options,
        };
        let model_name = model.name();
        let image = ImageSource::File(&request.image);
        let model = model.open(listener)?;
        let input = image.read(&request.input, &model.graph, listener)?;
        let names = Names {
            image: image.name(),
            target: String::new(),
            weights: model_name,
            network: model.name.clone(),
            preset: request.preset,
            preparation: input.preparation,
            region: None,
            original: input.original.clone(),
        };
        let graph = input.network.graph.clone();
        let attack = Attack::changeable(&graph, input.image.shape(), request.config.clone())?;
        let mut executor = GpuExecutor::new(gpu.clone(), attack.program(), &request.options)?;
        let before = attack.predict(&mut executor, &input.image)?;
        let before = before
            .into_iter()
            .next()
            .ok_or_else(|| Error::Usage("the image holds no sample".into()))?;
        let (target, target_name) = match &request.target {
            None => (before.clone(), "painted".to_string()),
            Some(target) => {
                let goal = Goal::Target(target);
                let aim = goal.read(&request.input, &model.graph, &input, listener)?;
                (wait(aim.labels(&attack, &mut executor, &before))?, goal.name())
            }
        };
        let live = begin(attack, &mut executor, &input.image, target.clone())?;
        let editor = TargetEditor::new(target, before.clone(), live.attack().class_count());
        let magnification = crate::report::overlay::MAGNIFICATION;
        let pictures = Pictures::draw(&executor, live.attack(), magnification, None)?;
        Ok(Session {
            settings: Settings::of(&request.config),
            request,
            names,
            graph,
            before,
            target_name,
            editor,
            first_step: live.step(),
            live,
            executor,
            pictures,
            magnification,
            budget: FrameBudget::new(AIM),
            is_running: false,
            is_stepping: false,
            is_stale: true,
            worked: Duration::ZERO,
            last_frame: None,
        })
    }

    /// What was opened.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The device it runs on.
    pub fn gpu(&self) -> &GpuDevice {
        self.executor.gpu()
    }

    /// Rows and columns of the images.
    pub fn shape(&self) -> Shape {
        self.live.source().shape()
    }

    /// The attack.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The rows of the iterations so far.
    pub fn trace(&self) -> &[TraceRow] {
        self.live.trace()
    }

    /// Why the attack ended, if it has.
    pub fn ended(&self) -> Option<StopReason> {
        self.live.ended()
    }

    /// The network in words.
    pub fn network(&self) -> &str {
        &self.names.network
    }

    /// The texture of a panel, `Rgba8Unorm`; the same as long as the session lasts.
    pub fn texture(&self, panel: Panel) -> Option<&wgpu::Texture> {
        self.pictures.texture(panel)
    }

    /// Whether the attack goes on in each frame.
    pub fn is_running(&self) -> bool {
        self.is_running
    }

    /// Whether a next frame has something to do.
    pub fn is_busy(&self) -> bool {
        (self.is_running && self.ended().is_none())
            || self.is_stepping
            || self.is_stale
            || self.live.is_under_way()
    }

    /// Lets the attack go on or rest.
    pub fn run(&mut self, runs: bool) {
        // Rests at the end of an iteration.
        self.is_stepping |= self.is_running && !runs && !self.live.is_whole();
        self.is_running = runs && self.ended().is_none();
    }

    /// One iteration more.
    pub fn step(&mut self) {
        self.is_running = false;
        self.is_stepping = true;
    }

    /// How often frames shall come; a fourth of it and more is left for the window.
    pub fn set_frame_time(&mut self, aim: Duration) {
        self.budget.set_aim(aim);
    }

    /// What a frame does: takes what statistics have arrived, and submits as much of the attack as there is time for with the
    /// pictures of what has come of it. Never waits.
    ///
    /// # Errors
    /// If the device fails, or the numbers leave the finite range.
    pub fn frame(&mut self) -> Result<()> {
        let now = Instant::now();
        // Between two frames of which the earlier one let the attack rest, nothing was done.
        self.worked += self.last_frame.take().map_or(Duration::ZERO, |last| now - last);
        let gpu = self.executor.gpu().clone();
        let room = self.budget.room(&gpu)?;
        if self.live.arrive()? && self.ended().is_some() {
            self.is_running = false;
        }
        if self.is_running || self.is_stepping {
            self.last_frame = Some(now);
        } else {
            self.live.write_changes(&mut self.executor)?;
        }
        let Some(units) = room else {
            return Ok(());
        };
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        let iterations = match (self.is_running, self.is_stepping) {
            (true, _) => u32::MAX,
            (false, true) => 1,
            (false, false) => 0,
        };
        let cost = self
            .live
            .encode(&mut self.executor, &mut encoder, units, iterations)?;
        if self.is_stepping && self.live.is_whole() {
            self.is_stepping = false;
        }
        if cost == 0.0 && !self.is_stale {
            return Ok(());
        }
        self.pictures.encode(&mut encoder, self.is_stale);
        gpu.queue().submit([encoder.finish()]);
        self.is_stale = false;
        if cost > 0.0 {
            self.budget.submitted(&gpu, cost);
        }
        self.live.request(&mut self.executor)
    }

    /// Begins the attack anew with the settings and the target as they are now. Waits for that.
    ///
    /// # Errors
    /// If the device fails.
    pub fn reset(&mut self) -> Result<()> {
        self.run(false);
        let planned = self.live.attack().config().asma().cloned().unwrap_or_default();
        let config = self.settings.config(&self.request.config);
        let source = self.live.source().clone();
        let attack = match planned.lambda == config.lambda {
            true => self.live.attack().clone(),
            false => {
                let attack = Attack::changeable(&self.graph, source.shape(), config.clone())?;
                let gpu = self.executor.gpu().clone();
                self.executor = GpuExecutor::new(gpu, attack.program(), &self.request.options)?;
                attack
            }
        };
        // For the picture of what was predicted before.
        attack.predict(&mut self.executor, &source)?;
        self.live = begin(attack, &mut self.executor, &source, self.editor.target().clone())?;
        self.first_step = self.live.step();
        self.budget = FrameBudget::new(AIM);
        (self.is_stepping, self.worked, self.last_frame) = (false, Duration::ZERO, None);
        let earlier = Some(&self.pictures);
        self.pictures = Pictures::draw(&self.executor, self.live.attack(), self.magnification, earlier)?;
        self.is_stale = true;
        self.set_settings(self.settings.clone())
    }

    /// By how much the perturbation is magnified.
    pub fn magnification(&self) -> f32 {
        self.magnification
    }

    /// Magnifies the perturbation by so much from now on.
    pub fn magnify(&mut self, magnification: f32) {
        self.magnification = magnification;
        self.pictures.magnify(magnification);
        self.is_stale = true;
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Other settings, from the next iteration on; λ as the attack begins anew.
    ///
    /// # Errors
    /// If they cannot be.
    pub fn set_settings(&mut self, settings: Settings) -> Result<()> {
        let now = self.live.attack().config().asma().cloned().unwrap_or_default();
        let config = AsmaConfig {
            lambda: now.lambda,
            ..settings.config(&self.request.config)
        };
        let masks_change = now.mask != config.mask;
        if now != config {
            self.live.set_config(config)?;
        }
        if let Some(step) = self.first_step.map(|first| settings.step(first))
            && self.live.step() != Some(step)
        {
            self.live.set_step(step)?;
        }
        self.settings = settings;
        if masks_change {
            self.pictures.change_mask(&self.executor, self.live.attack())?;
            self.is_stale = true;
        }
        Ok(())
    }

    /// The target, as it is painted.
    pub fn editor(&self) -> &TargetEditor {
        &self.editor
    }

    /// Changes the target: what `edit` does to it, if it says that it has changed, is the attack's target from the next iteration
    /// on.
    ///
    /// # Errors
    /// What `edit` says, or if nothing is wanted of the network any more.
    pub fn edit(&mut self, edit: impl FnOnce(&mut TargetEditor) -> Result<bool>) -> Result<()> {
        if edit(&mut self.editor)? {
            self.live.set_target(self.editor.target().clone())?;
            self.target_name = "painted".into();
            self.is_stale = true;
        }
        Ok(())
    }

    /// Judges what the attack has come to and writes all files of `asma attack` into a folder that is there; the attack can go on
    /// after it. Waits for that.
    ///
    /// # Errors
    /// If there was no iteration yet, the device fails or a file cannot be written.
    pub fn save(&mut self, folder: &Path) -> Result<Performed> {
        self.run(false);
        self.is_stepping = false;
        let outcome = wait(self.live.outcome_async(&mut self.executor))?;
        if outcome.trace.is_empty() {
            return Err(Error::Usage(
                "there is nothing to save before the first iteration".into(),
            ));
        }
        let aimed = Aimed {
            source: self.live.source().clone(),
            target: self.live.target().clone(),
            before: self.before.clone(),
            region: None,
            snapshots: Snapshots::Predictions,
            why_idle: None,
        };
        let names = Names {
            target: self.target_name.clone(),
            ..self.names.clone()
        };
        let (attack, last) = (self.live.attack().clone(), outcome.clone());
        let seconds = self.worked.as_secs_f64();
        let performed =
            wait(aimed.performed_async(&attack, &mut self.executor, outcome, seconds, names, &mut Silent));
        // Also where it could not be judged.
        wait(self.live.resume_async(&mut self.executor, &last))?;
        self.last_frame = None;
        self.is_stale = true;
        let performed = performed?;
        write_results(folder, &performed)?;
        Ok(performed)
    }
}

/// Begins the attack on an image, all pixels of which may change.
fn begin(attack: Attack, executor: &mut dyn Executor, source: &Tensor, target: LabelMap) -> Result<Live> {
    let shape = source.shape();
    let everywhere = LabelMap::from_fn(shape.h, shape.w, |_, _| 1)?;
    let input = AttackInput {
        source,
        targets: &[target],
        regions: &[everywhere],
        snapshots: Snapshots::Predictions,
    };
    Live::begin(attack, executor, input)
}
