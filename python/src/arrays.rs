//! Arrays of numpy as the library's samples and label maps, and back. What goes out is handed over without a copy.

use asma::job::Samples;
use asma::{Error, LabelMap, Result, Shape, Tensor};
use numpy::ndarray::{Array2, Array3, Array4};
use numpy::{
    IntoPyArray, PyArray2, PyArray3, PyArray4, PyArrayMethods, PyReadonlyArray3, PyUntypedArrayMethods,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// An N×C×H×W array where numpy has it. The library computes without Python's lock, and another thread may write to the array
/// meanwhile; so a sample at a time is copied, with the lock held, and what is looked at and computed with is the copy.
#[derive(Debug)]
pub struct Borrowed {
    array: Py<PyArray4<f32>>,
    shape: Shape,
}

impl Borrowed {
    pub fn new(array: Bound<'_, PyArray4<f32>>) -> PyResult<Borrowed> {
        let &[n, c, h, w] = array.shape() else {
            return Err(PyValueError::new_err("want four axes"));
        };
        Ok(Borrowed {
            array: array.unbind(),
            shape: Shape::new(n, c, h, w),
        })
    }
}

impl Samples for Borrowed {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn copied(&self, number: usize) -> Result<Tensor> {
        let one = Shape { n: 1, ..self.shape };
        Python::attach(|py| {
            let array = self.array.bind(py).try_readonly().map_err(changed)?;
            let values = array.as_slice().map_err(changed)?;
            let values = values.chunks(one.elements().max(1)).nth(number);
            Tensor::new(one, values.unwrap_or_default().to_vec())
        })
    }
}

fn changed(problem: impl std::fmt::Display) -> Error {
    Error::Usage(format!("an array cannot be read: {problem}"))
}

/// The maps of an N×H×W array.
pub fn label_maps(array: &PyReadonlyArray3<'_, u8>) -> PyResult<Result<Vec<LabelMap>>> {
    let &[n, h, w] = array.shape() else {
        return Err(PyValueError::new_err("want three axes"));
    };
    let labels = array.as_slice()?;
    let map = |number: usize| LabelMap::new(h, w, labels[number * h * w..(number + 1) * h * w].to_vec());
    Ok((0..n).map(map).collect())
}

pub fn to_array4(py: Python<'_>, tensor: Tensor) -> PyResult<Bound<'_, PyArray4<f32>>> {
    let array = Array4::from_shape_vec(tensor.shape().sizes(), tensor.into_data());
    Ok(array.map_err(misshapen)?.into_pyarray(py))
}

/// One image, C×H×W.
pub fn to_array3(py: Python<'_>, image: Tensor) -> PyResult<Bound<'_, PyArray3<f32>>> {
    let [_, c, h, w] = image.shape().sizes();
    let array = Array3::from_shape_vec([c, h, w], image.into_data());
    Ok(array.map_err(misshapen)?.into_pyarray(py))
}

pub fn to_array2(py: Python<'_>, map: LabelMap) -> PyResult<Bound<'_, PyArray2<u8>>> {
    let array = Array2::from_shape_vec([map.height(), map.width()], map.into_labels());
    Ok(array.map_err(misshapen)?.into_pyarray(py))
}

/// Maps of one size, N×H×W.
pub fn to_maps(py: Python<'_>, maps: Vec<LabelMap>) -> PyResult<Bound<'_, PyArray3<u8>>> {
    let size = maps.first().map_or([0, 0], |map| [map.height(), map.width()]);
    let shape = [maps.len(), size[0], size[1]];
    let labels = maps.into_iter().flat_map(LabelMap::into_labels).collect();
    Ok(Array3::from_shape_vec(shape, labels)
        .map_err(misshapen)?
        .into_pyarray(py))
}

/// A picture, H×W×3.
pub fn to_picture(py: Python<'_>, [h, w]: [usize; 2], bytes: Vec<u8>) -> PyResult<Bound<'_, PyArray3<u8>>> {
    Ok(Array3::from_shape_vec([h, w, 3], bytes)
        .map_err(misshapen)?
        .into_pyarray(py))
}

fn misshapen(problem: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(problem.to_string())
}
