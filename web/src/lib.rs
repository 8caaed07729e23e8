//! asma in a browser. What a page may ask of it, in a worker: open a device, read a model and an image, predict, attack. The
//! attacks are the library's; here stands only what hands bytes and words across.

mod attacked;
mod device;
mod settings;
mod yielding;

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::rc::Rc;

use asma::attack::{Attack, AttackConfig, Progress, Snapshot, Snapshots};
use asma::checkpoint::Checkpoint;
use asma::data::{Input, InputOptions, to_rgb_image};
use asma::error::{Error, Result};
use asma::gpu::GpuDevice;
use asma::job::{Device, Goal, ImageSource, Job, Listener, MaskSource, ModelSource};
use asma::model::Model;
use asma::palette::class_colour;
use asma::{LabelMap, Tensor};
use wasm_bindgen::prelude::*;

pub use attacked::{Attacked, Moment};
use device::Chosen;
use settings::{Asked, Wanted};

/// What a page holds.
#[wasm_bindgen]
pub struct Session {
    gpu: Option<GpuDevice>,
    /// Why it computes on the CPU, if it does.
    why_cpu: String,
    model: RefCell<Option<Named<Model>>>,
    image: RefCell<Option<Named<Vec<u8>>>>,
    is_stopped: Rc<Cell<bool>>,
}

struct Named<T> {
    name: String,
    value: T,
}

/// An image as the network is given it, and what the network predicts for it.
#[wasm_bindgen(getter_with_clone)]
pub struct Looked {
    /// Columns of the image.
    pub width: usize,
    /// Its rows.
    pub height: usize,
    /// Its pixels, red, green, blue and 255 each.
    pub pixels: Vec<u8>,
    /// Columns of the prediction, which lies in the image's centre.
    pub label_width: usize,
    /// Its rows.
    pub label_height: usize,
    /// The class of each of its pixels.
    pub labels: Vec<u8>,
    /// How many classes there are.
    pub classes: usize,
    /// What was read, and what is likely a mistake, a line each.
    pub lines: String,
}

fn thrown(error: Error) -> JsError {
    JsError::new(&error.to_string())
}

#[wasm_bindgen]
impl Session {
    /// On the browser's GPU (`auto`, `gpu`), or on the CPU (`cpu`). With `auto` the CPU is taken where there is no GPU.
    ///
    /// # Errors
    /// If a GPU is wanted and there is none.
    pub async fn open(choice: String) -> std::result::Result<Session, JsError> {
        let (gpu, why_cpu) = device::open(&choice).await.map_err(thrown)?;
        Ok(Session {
            gpu,
            why_cpu,
            model: RefCell::new(None),
            image: RefCell::new(None),
            is_stopped: Rc::default(),
        })
    }

    /// On what this computes, in one line.
    pub fn device(&self) -> String {
        match &self.gpu {
            Some(gpu) => gpu.describe(),
            None => format!("CPU, one thread: {}", self.why_cpu),
        }
    }

    /// Whether this computes on a GPU.
    pub fn is_gpu(&self) -> bool {
        self.gpu.is_some()
    }

    /// Reads a network from the content of one safetensors file, such as `asma convert` writes; says what it is.
    ///
    /// # Errors
    /// If it is none, or of no known network.
    pub fn set_model(&self, name: String, bytes: Vec<u8>) -> std::result::Result<String, JsError> {
        let checkpoint = Checkpoint::from_bytes(name.clone(), bytes).map_err(thrown)?;
        let model = Model::from_checkpoint(&checkpoint).map_err(thrown)?;
        let lines = [vec![model.description()], model.notes.clone()].concat();
        *self.model.borrow_mut() = Some(Named { name, value: model });
        Ok(lines.join("\n"))
    }

    /// Takes the content of an image file.
    pub fn set_image(&self, name: String, bytes: Vec<u8>) {
        *self.image.borrow_mut() = Some(Named { name, value: bytes });
    }

    /// The colours of the classes 0 to 255: red, green, blue each.
    pub fn palette() -> Vec<u8> {
        (0..=255).flat_map(|class| class_colour(class)).collect()
    }

    /// Asks the attack that runs to end; what is done by then is kept.
    pub fn stop(&self) {
        self.is_stopped.set(true);
    }

    /// Reads the image for the network, and what the network predicts for it.
    ///
    /// # Errors
    /// If the image does not fit the network, or the device fails.
    pub async fn look(&self) -> std::result::Result<Looked, JsError> {
        let (input, classes) = self.input().map_err(thrown)?;
        let labels = self.predict(&input).await.map_err(thrown)?;
        let picture = to_rgb_image(&input.image).map_err(thrown)?;
        let lines = [input.description, input.notes].concat();
        Ok(Looked {
            width: picture.width() as usize,
            height: picture.height() as usize,
            pixels: attacked::opaque(&picture),
            label_width: labels.width(),
            label_height: labels.height(),
            labels: labels.labels().to_vec(),
            classes,
            lines: lines.join("\n"),
        })
    }

    /// Attacks the image as `settings`, in JSON, say; towards `painted`, the class of each pixel of the prediction, if they
    /// say so. `progress` is called with the most iterations that there will be, the last row of the trace in JSON, and the moment
    /// that it belongs to where there is a new one.
    ///
    /// # Errors
    /// If the settings cannot be, there is nothing to attack, or the device fails.
    pub async fn attack(
        &self,
        settings: String,
        painted: Option<Vec<u8>>,
        progress: js_sys::Function,
    ) -> std::result::Result<Attacked, JsError> {
        self.is_stopped.set(false);
        self.attacked(&settings, painted, progress).await.map_err(thrown)
    }
}

impl Session {
    fn input(&self) -> Result<(Input, usize)> {
        let (model, image) = (self.model.borrow(), self.image.borrow());
        let (model, image) = loaded(&model, &image)?;
        let input = InputOptions::default().read_bytes(&image.name, &image.value, &model.value.graph)?;
        Ok((input, model.value.classes()))
    }

    async fn predict(&self, input: &Input) -> Result<LabelMap> {
        let attack = Attack::new(
            &input.network.graph,
            input.image.shape(),
            AttackConfig::default(),
            false,
        )?;
        let mut executor = Chosen(self.gpu.clone()).executor(attack.program())?;
        let labels = attack.predict_async(executor.as_mut(), &input.image).await?;
        labels
            .into_iter()
            .next()
            .ok_or_else(|| Error::Usage("the image holds no sample".into()))
    }

    async fn attacked(
        &self,
        settings: &str,
        painted: Option<Vec<u8>>,
        progress: js_sys::Function,
    ) -> Result<Attacked> {
        // The page may set others while this one is attacked.
        let (model, image, name, labels, source) = {
            let (model, image) = (self.model.borrow(), self.image.borrow());
            let (model, image) = loaded(&model, &image)?;
            let input = self.input()?.0;
            let size = input.network.output;
            let labels = painted
                .map(|labels| LabelMap::new(size.h, size.w, labels))
                .transpose()?;
            (
                model.value.clone(),
                image.value.clone(),
                [model.name.clone(), image.name.clone()],
                labels,
                input.image,
            )
        };
        let asked = Asked::read(settings)?;
        let wanted = asked.wanted()?;
        let goal = match (&wanted, &labels) {
            (Wanted::Painted, Some(labels)) => Goal::Labels(MaskSource::Memory {
                name: "the painted target",
                labels,
            }),
            (Wanted::Painted, None) => {
                return Err(Error::Usage(
                    "no target was painted; paint one, or choose another".into(),
                ));
            }
            (Wanted::Untargeted, _) => Goal::Untargeted(None),
            (Wanted::Made(target), _) => Goal::Target(target),
        };
        let (config, losses) = asked.config(&wanted)?;
        let job = Job {
            config,
            losses,
            snapshots: Snapshots::WithImages,
            ..Job::new(
                ModelSource::Loaded {
                    name: &name[0],
                    model: &model,
                },
                ImageSource::Bytes {
                    name: &name[1],
                    bytes: &image,
                },
                goal,
            )
        };
        let mut listener = Told {
            progress,
            source,
            shown: None,
            is_stopped: self.is_stopped.clone(),
        };
        let performed = job
            .run_async(&mut Chosen(self.gpu.clone()), &mut listener)
            .await?;
        Attacked::new(&performed)
    }
}

fn loaded<'a>(
    model: &'a Option<Named<Model>>,
    image: &'a Option<Named<Vec<u8>>>,
) -> Result<(&'a Named<Model>, &'a Named<Vec<u8>>)> {
    let missing = |what: &str| Error::Usage(format!("no {what} has been opened; open one first"));
    let model = model.as_ref().ok_or_else(|| missing("model"))?;
    let image = image.as_ref().ok_or_else(|| missing("image"))?;
    Ok((model, image))
}

/// Tells the page how far the attack is.
struct Told {
    progress: js_sys::Function,
    source: Tensor,
    /// The iteration of the moment that was shown last.
    shown: Option<u32>,
    is_stopped: Rc<Cell<bool>>,
}

impl Told {
    /// The latest moment, if it has not been shown yet.
    fn moment(&mut self, latest: Option<&Snapshot>) -> JsValue {
        let new = latest.filter(|latest| self.shown != Some(latest.iteration));
        self.shown = latest.map(|latest| latest.iteration);
        // Where no picture can be made of what goes on, none can be made of the end, which says so.
        let moment = new.and_then(|new| Moment::new(&self.source, new).ok().flatten());
        moment.map_or(JsValue::UNDEFINED, JsValue::from)
    }
}

impl Listener for Told {
    fn progress(&mut self, now: Progress<'_>) -> ControlFlow<()> {
        let row = now.traces.first().and_then(|trace| trace.last());
        if let Some(row) = row
            && let Ok(json) = serde_json::to_string(row)
        {
            let moment = self.moment(now.moment);
            // A page that throws has no more to say.
            let told = self.progress.call3(
                &JsValue::NULL,
                &JsValue::from_f64(f64::from(now.iterations)),
                &JsValue::from_str(&json),
                &moment,
            );
            if told.is_err() {
                return ControlFlow::Break(());
            }
        }
        match self.is_stopped.get() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
