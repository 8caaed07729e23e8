//! The library's errors as the package's exceptions.

use asma::Error;
use pyo3::prelude::*;

/// The exception of `asma.errors` that says what went wrong.
pub fn raised(py: Python<'_>, error: Error) -> PyErr {
    let name = match &error {
        Error::Usage(_) => "UsageError",
        Error::File { .. } => "FileError",
        Error::Network(_) => "NetworkError",
        Error::Limit { .. } => "LimitError",
        Error::Device(_) => "DeviceError",
        Error::NotFinite(_) => "NotFiniteError",
        _ => "Error",
    };
    let exception = py
        .import("asma.errors")
        .and_then(|errors| errors.getattr(name))
        .and_then(|class| class.call1((error.to_string(),)));
    match exception {
        Ok(exception) => PyErr::from_value(exception),
        Err(problem) => problem,
    }
}

/// What the library gave, or the exception.
pub trait Raised<T> {
    fn raised(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> Raised<T> for asma::Result<T> {
    fn raised(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| raised(py, error))
    }
}
