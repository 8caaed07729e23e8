//! A network on a device.

use std::ops::ControlFlow;
use std::sync::Arc;

use asma::attack::{Progress, Settings, Snapshots, Target};
use asma::gpu::DeviceChoice;
use asma::job::{Batch, Goal, Listener, NamedDevice};
use asma::model::{Model, ModelOptions};
use asma::{LabelMap, Result};
use numpy::{PyArray3, PyArray4, PyReadonlyArray3};
use pyo3::prelude::*;

use crate::arrays::{Borrowed, label_maps, to_array4, to_maps};
use crate::errors::Raised;
use crate::performed::Performed;

/// Options as `(name, text)`.
pub type Options = Vec<(String, String)>;

/// The same as the library takes them.
pub fn named(options: &Options) -> impl Iterator<Item = (&str, &str)> {
    options.iter().map(|(name, text)| (name.as_str(), text.as_str()))
}

#[pyclass(frozen, module = "asma._asma")]
pub struct Session(pub Arc<asma::job::Session>);

/// What an attack is to bring about.
#[derive(FromPyObject)]
enum Wanted<'py> {
    /// As the command line takes it.
    Words(String),
    Labels(PyReadonlyArray3<'py, u8>),
}

/// What came of an attack, and the exception that ended it.
type Attacked = (Vec<Performed>, Option<Py<PyAny>>);

#[pymethods]
impl Session {
    /// Reads a network from a file, or from the bytes of an ONNX file.
    #[staticmethod]
    #[pyo3(signature = (name, device, options, bytes=None))]
    fn open(
        py: Python<'_>,
        name: String,
        device: &str,
        options: Options,
        bytes: Option<Vec<u8>>,
    ) -> PyResult<Session> {
        let open = || -> Result<Session> {
            let choice: DeviceChoice = device.parse()?;
            let mut model_options = ModelOptions::default();
            for (option, text) in &options {
                model_options.set(option, text)?;
            }
            let model = match &bytes {
                Some(bytes) => Model::from_onnx(&name, bytes, &model_options)?,
                None => Model::open(&name, &model_options)?,
            };
            Ok(Session(Arc::new(asma::job::Session::new(name, model, choice)?)))
        };
        py.detach(open).raised(py)
    }

    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    #[getter]
    fn description(&self) -> String {
        self.0.model.description()
    }

    #[getter]
    fn notes(&self) -> Vec<String> {
        self.0.model.notes.clone()
    }

    #[getter]
    fn channels(&self) -> usize {
        self.0.model.graph.input_channels()
    }

    #[getter]
    fn classes(&self) -> usize {
        self.0.model.classes()
    }

    #[getter]
    fn device(&self) -> String {
        self.0.device.describe()
    }

    /// What the network is and costs, as JSON.
    fn inspect(&self, py: Python<'_>, images: usize, height: usize, width: usize) -> PyResult<String> {
        let inspection = py.detach(|| self.0.model.inspect(images, height, width));
        Ok(serde_json::json!(inspection.raised(py)?).to_string())
    }

    fn output_shape(&self, py: Python<'_>, shape: [usize; 4]) -> PyResult<[usize; 4]> {
        let [n, c, h, w] = shape;
        let output = self.0.output_shape(asma::Shape::new(n, c, h, w)).raised(py)?;
        Ok(output.sizes())
    }

    fn predict<'py>(
        &self,
        py: Python<'py>,
        images: Bound<'py, PyArray4<f32>>,
    ) -> PyResult<Bound<'py, PyArray3<u8>>> {
        let images = Borrowed::new(images)?;
        let maps = py.detach(|| self.0.predict(&images)).raised(py)?;
        to_maps(py, maps)
    }

    fn logits<'py>(
        &self,
        py: Python<'py>,
        images: Bound<'py, PyArray4<f32>>,
    ) -> PyResult<Bound<'py, PyArray4<f32>>> {
        let images = Borrowed::new(images)?;
        let logits = py.detach(|| self.0.logits(&images)).raised(py)?;
        to_array4(py, logits)
    }

    fn input_gradient<'py>(
        &self,
        py: Python<'py>,
        images: Bound<'py, PyArray4<f32>>,
        seed: Bound<'py, PyArray4<f32>>,
    ) -> PyResult<Bound<'py, PyArray4<f32>>> {
        let images = Borrowed::new(images)?;
        let seed = Borrowed::new(seed)?;
        let gradient = py.detach(|| self.0.input_gradient(&images, &seed)).raised(py)?;
        to_array4(py, gradient)
    }

    /// Attacks all images. An exception of `callback`, or Ctrl-C, ends it, and stands beside what is done.
    #[pyo3(signature = (images, attack, options, wanted, regions, device, together, callback))]
    #[allow(clippy::too_many_arguments)]
    fn attack<'py>(
        &self,
        py: Python<'py>,
        images: Bound<'py, PyArray4<f32>>,
        attack: &str,
        options: Options,
        wanted: Option<Wanted<'py>>,
        regions: Option<PyReadonlyArray3<'py, u8>>,
        device: Option<&str>,
        together: Option<usize>,
        callback: Option<Py<PyAny>>,
    ) -> PyResult<Attacked> {
        let images = Borrowed::new(images)?;
        let (config, losses) = Settings::read(attack, named(&options)).raised(py)?;
        let regions = match &regions {
            Some(regions) => label_maps(regions)?.raised(py)?,
            None => Vec::new(),
        };
        let (target, labels): (Option<Target>, Vec<LabelMap>) = match &wanted {
            Some(Wanted::Words(words)) => (Some(words.parse().raised(py)?), Vec::new()),
            Some(Wanted::Labels(labels)) => (None, label_maps(labels)?.raised(py)?),
            None => (None, Vec::new()),
        };
        let mut watcher = Watcher {
            callback,
            images: Vec::new(),
            raised: None,
        };
        let run = || -> Result<Vec<Performed>> {
            let goals = Goal::in_memory(config.purpose(), &labels, target.as_ref())?;
            let mut device = match device {
                Some(device) => NamedDevice::open(device.parse()?)?,
                None => self.0.device.clone(),
            };
            let batch = Batch {
                model: &self.0.model,
                name: &self.0.name,
                images: &images,
                goals: &goals,
                regions: &regions,
                config: config.clone(),
                losses,
                snapshots: Snapshots::Predictions,
                together,
            };
            let performed = batch.run(&mut device, &mut watcher)?;
            Ok(performed
                .into_iter()
                .map(|performed| Performed::new(performed, config.clone()))
                .collect())
        };
        let performed = py.detach(run).raised(py)?;
        let raised = watcher.raised.map(|raised| raised.into_value(py).into_any());
        Ok((performed, raised))
    }
}

/// Tells the callback how far the attacks are, and asks Python whether somebody pressed Ctrl-C.
struct Watcher {
    callback: Option<Py<PyAny>>,
    /// The images that are under way.
    images: Vec<usize>,
    raised: Option<PyErr>,
}

impl Watcher {
    /// Whether the callback asks to stop.
    fn tell(&self, py: Python<'_>, now: Progress<'_>) -> PyResult<bool> {
        py.check_signals()?;
        let Some(callback) = &self.callback else {
            return Ok(false);
        };
        let rows: Vec<_> = now
            .traces
            .iter()
            .map(|trace| {
                let row = trace.last()?;
                let success = row.success_rate;
                Some((
                    trace.len(),
                    row.iou,
                    row.pixel_accuracy,
                    row.l2,
                    row.linf,
                    success,
                ))
            })
            .collect();
        let answer = callback.call1(py, (self.images.clone(), now.iterations, rows))?;
        answer.is_truthy(py)
    }
}

impl Listener for Watcher {
    fn attacks(&mut self, images: &[usize]) {
        self.images = images.to_vec();
    }

    fn progress(&mut self, now: Progress<'_>) -> ControlFlow<()> {
        let asked = Python::attach(|py| self.tell(py, now));
        match asked {
            Ok(false) => ControlFlow::Continue(()),
            Ok(true) => ControlFlow::Break(()),
            Err(raised) => {
                self.raised = Some(raised);
                ControlFlow::Break(())
            }
        }
    }
}
