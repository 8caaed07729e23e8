//! asma for Python: the border between the library and the package in `package/asma`, which is what people import. What
//! arrays may be, names of arguments and what is said of them stand there; here they are arrays of one type and order.

#[cfg(panic = "abort")]
compile_error!("a panic must unwind to become an exception; build with panic = \"unwind\"");

mod arrays;
mod errors;
mod evaluation;
mod performed;
mod session;

use pyo3::prelude::*;

#[pymodule]
mod _asma {
    use pyo3::prelude::*;
    use pyo3::types::PyDict;

    #[pymodule_export]
    use crate::evaluation::Evaluation;
    #[pymodule_export]
    use crate::performed::Performed;
    #[pymodule_export]
    use crate::session::Session;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }

    /// The names of all attacks, each with what it does.
    #[pyfunction]
    fn attacks() -> Vec<(&'static str, &'static str)> {
        let all = asma::attack::table::ATTACKS.iter();
        all.map(|entry| (entry.name, entry.about)).collect()
    }

    /// The adapters that a device can be named by.
    #[pyfunction]
    fn devices(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
        let adapters = py.detach(asma::gpu::adapters);
        adapters
            .iter()
            .map(|adapter| {
                let device = PyDict::new(py);
                device.set_item("index", adapter.index)?;
                device.set_item("name", &adapter.info.name)?;
                device.set_item("backend", format!("{:?}", adapter.info.backend))?;
                device.set_item("type", format!("{:?}", adapter.info.device_type))?;
                device.set_item("hardware", adapter.is_hardware())?;
                device.set_item(
                    "driver",
                    format!("{} {}", adapter.info.driver, adapter.info.driver_info),
                )?;
                Ok(device)
            })
            .collect()
    }
}
