//! The attributes of a node, by name and kind.

use rten_onnx::onnx::{AttributeProto, NodeProto};

use super::host::Host;
use super::tensor::{Folder, read_tensor};
use crate::graph::ops::MOST_SETTING;

/// The attributes of one node.
pub(super) struct Attributes<'n> {
    node: &'n NodeProto,
    folder: Option<&'n std::path::Path>,
}

impl<'n> Attributes<'n> {
    /// `folder` is where the files lie that the network refers to.
    pub fn of(node: &'n NodeProto, folder: Option<&'n std::path::Path>) -> Self {
        Attributes { node, folder }
    }

    fn get(&self, name: &str) -> Option<&'n AttributeProto> {
        let mut attributes = self.node.attribute.iter();
        attributes.find(|attribute| attribute.name.as_deref() == Some(name))
    }

    /// Whether there is an attribute of this name.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// An integer, or `default` if it is not there.
    pub fn integer(&self, name: &str, default: i64) -> Result<i64, String> {
        match self.get(name) {
            None => Ok(default),
            Some(attribute) => attribute.i.ok_or_else(|| wrong(name, "an integer")),
        }
    }

    /// A number, or `default` if it is not there.
    pub fn float(&self, name: &str, default: f32) -> Result<f32, String> {
        match self.get(name) {
            None => Ok(default),
            Some(attribute) => attribute.f.ok_or_else(|| wrong(name, "a number")),
        }
    }

    /// A word, or `default` if it is not there.
    pub fn text(&self, name: &str, default: &'static str) -> Result<&'n str, String> {
        match self.get(name) {
            None => Ok(default),
            Some(attribute) => attribute.s.as_deref().ok_or_else(|| wrong(name, "a word")),
        }
    }

    /// Integers, if they are there.
    pub fn integers(&self, name: &str) -> Result<Option<Vec<i64>>, String> {
        Ok(self.get(name).map(|attribute| attribute.ints.clone()))
    }

    /// Numbers, if they are there.
    pub fn floats(&self, name: &str) -> Result<Option<Vec<f32>>, String> {
        Ok(self.get(name).map(|attribute| attribute.floats.clone()))
    }

    /// Two numbers, rows and columns.
    pub fn pair(&self, name: &str, default: [usize; 2]) -> Result<[usize; 2], String> {
        match self.integers(name)? {
            None => Ok(default),
            Some(values) => match values.iter().map(|&value| setting(value)).collect::<Vec<_>>()[..] {
                [Some(rows), Some(columns)] => Ok([rows, columns]),
                _ => Err(format!(
                    "has {name} {values:?}; want two numbers from 0 to {MOST_SETTING}"
                )),
            },
        }
    }

    /// A tensor, if it is there.
    pub fn tensor(&self, name: &str) -> Result<Option<Host>, String> {
        let tensor = self.get(name).and_then(|attribute| attribute.t.clone());
        tensor
            .map(|tensor| read_tensor(tensor, &Folder::new(self.folder)))
            .transpose()
    }

    /// What a node `Constant` holds.
    pub fn constant(&self) -> Result<Host, String> {
        if let Some(tensor) = self.tensor("value")? {
            return Ok(tensor);
        }
        if self.has("value_float") {
            return Ok(Host::floats(vec![], vec![self.float("value_float", 0.0)?]));
        }
        if self.has("value_int") {
            return Ok(Host::integers(vec![], vec![self.integer("value_int", 0)?]));
        }
        if let Some(values) = self.floats("value_floats")? {
            return Ok(Host::floats(vec![values.len()], values));
        }
        if let Some(values) = self.integers("value_ints")? {
            return Ok(Host::integers(vec![values.len()], values));
        }
        Err("holds no numbers".into())
    }
}

/// A number of rows, columns or pixels, if it is one.
pub(super) fn setting(value: i64) -> Option<usize> {
    usize::try_from(value).ok().filter(|&value| value <= MOST_SETTING)
}

fn wrong(name: &str, wanted: &str) -> String {
    format!("has an attribute `{name}` that is not {wanted}")
}
