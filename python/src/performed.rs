//! What came of an attack on one image.

use asma::attack::AttackConfig;
use asma::report::draw_figure;
use numpy::{IntoPyArray, PyArray2, PyArray3};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::{to_array2, to_array3, to_picture};
use crate::errors::Raised;

#[pyclass(frozen, module = "asma._asma")]
pub struct Performed {
    pub performed: asma::job::Performed,
    pub config: AttackConfig,
}

impl Performed {
    pub fn new(mut performed: asma::job::Performed, config: AttackConfig) -> Performed {
        // The masks along the way were chosen among them.
        performed.attacked.outcome.snapshots = Vec::new();
        Performed { performed, config }
    }
}

#[pymethods]
impl Performed {
    /// The adversarial image, C×H×W.
    fn adversarial<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray3<f32>>> {
        to_array3(py, self.performed.attacked.judged.saved.clone())
    }

    /// The same as 8 bits keep it.
    fn rounded<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray3<f32>>> {
        to_array3(py, self.performed.attacked.judged.written.clone())
    }

    /// The prediction for the adversarial image.
    fn prediction<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<u8>>> {
        to_array2(py, self.performed.attacked.judged.after.clone())
    }

    /// The prediction for the image.
    fn before<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<u8>>> {
        to_array2(py, self.performed.attacked.before.clone())
    }

    /// The target, or the label that was to be left.
    fn target<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<u8>>> {
        to_array2(py, self.performed.attacked.target.clone())
    }

    /// The columns of the trace, by name.
    fn trace<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let rows = &self.performed.attacked.outcome.trace;
        let columns = PyDict::new(py);
        let iterations: Vec<u32> = rows.iter().map(|row| row.iteration).collect();
        columns.set_item("iteration", iterations.into_pyarray(py))?;
        let other = self.config.asma().is_none();
        let add = |name: &str, number: fn(&asma::TraceRow) -> f32| {
            let numbers: Vec<f32> = rows.iter().map(number).collect();
            columns.set_item(name, numbers.into_pyarray(py))
        };
        if other {
            add("loss", |row| row.loss.unwrap_or(f32::NAN))?;
        }
        add("pixel_accuracy", |row| row.pixel_accuracy)?;
        add("iou", |row| row.iou)?;
        add("l2", |row| row.l2)?;
        add("linf", |row| row.linf)?;
        match other {
            true => {
                add("step", |row| row.multiplier)?;
                add("success_rate", |row| row.success_rate.unwrap_or(f32::NAN))?;
            }
            false => add("multiplier", |row| row.multiplier)?,
        }
        Ok(columns)
    }

    /// Everything there is to say about it, as JSON.
    fn summary(&self) -> String {
        serde_json::json!(self.performed.summary).to_string()
    }

    #[getter]
    fn stop(&self) -> String {
        self.performed.attacked.outcome.stop.to_string()
    }

    #[getter]
    fn accepted(&self) -> Vec<String> {
        self.performed.accepted.clone()
    }

    #[getter]
    fn notes(&self) -> Vec<String> {
        self.performed.notes.clone()
    }

    /// The figure, H×W×3.
    fn figure<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray3<u8>>> {
        let (attacked, summary) = (&self.performed.attacked, &self.performed.summary);
        let draw = || draw_figure(&asma::job::figure(attacked, summary));
        let picture = py.detach(draw).raised(py)?;
        let size = [picture.height() as usize, picture.width() as usize];
        to_picture(py, size, picture.into_raw())
    }
}
