//! The nodes of a file, one after the other: computed here, or handed to their operator.

use std::collections::HashSet;

use rten_onnx::onnx::NodeProto;

use super::attributes::Attributes;
use super::file::{OnnxFile, label};
use super::folding::{fold, part_of_shape};
use super::host::Host;
use super::import::{Importer, Value};
use super::job::Job;
use super::operators;

/// Numbers that folding may make of a file that holds few.
const MOST_MADE_IN_ALL: usize = 1 << 24;

impl<'f> Importer<'f> {
    /// Imports all nodes that `outputs` depend on.
    ///
    /// # Errors
    /// With every node that is not supported.
    pub fn run(&mut self, outputs: &[&str]) -> Result<(), String> {
        let needed = needed(self.file, outputs);
        for (node, needed) in self.file.nodes.iter().zip(needed) {
            if needed {
                self.import(node);
            }
        }
        match self.problems.is_empty() {
            true => Ok(()),
            false => Err(self.describe_problems()),
        }
    }

    fn import(&mut self, node: &'f NodeProto) {
        let kind = node.op_type.as_deref().unwrap_or_default();
        let inputs: Vec<Option<Value>> = node
            .input
            .iter()
            .map(|name| match name.is_empty() {
                true => None,
                false => Some(self.values.get(name.as_str()).cloned().unwrap_or(Value::Unknown)),
            })
            .collect();
        let values = match self.convert(node, kind, &inputs) {
            Ok(values) => values,
            Err(problem) => {
                // What cannot be read because something before it could not is told once, unless it is unknown itself.
                let follows = inputs
                    .iter()
                    .flatten()
                    .any(|value| matches!(value, Value::Unknown));
                if !follows || !operators::is_known(kind) {
                    self.problems.push((kind.to_string(), problem));
                }
                Vec::new()
            }
        };
        let values = values.into_iter().chain(std::iter::repeat(Value::Unknown));
        for (name, value) in node.output.iter().zip(values) {
            self.values.insert(name, value);
        }
    }

    fn convert(
        &mut self,
        node: &'f NodeProto,
        kind: &str,
        inputs: &[Option<Value>],
    ) -> Result<Vec<Value>, String> {
        let name = label(node);
        let named = |problem: String| format!("`{name}` {problem}");
        if !matches!(node.domain.as_deref(), None | Some("" | "ai.onnx")) {
            let domain = node.domain.as_deref().unwrap_or_default();
            return Err(named(format!("is of the operators `{domain}`")));
        }
        let attributes = Attributes::of(node, self.file.folder.as_deref());
        let hosts: Vec<Option<&Host>> = inputs
            .iter()
            .map(|input| match input {
                Some(Value::Host(host)) => Some(host),
                _ => None,
            })
            .collect();
        let known = inputs
            .iter()
            .zip(&hosts)
            .all(|(input, host)| input.is_none() || host.is_some());
        if known && let Some(folded) = fold(kind, &hosts, &attributes, node.output.len()) {
            self.folded += 1;
            let hosts = folded.map_err(named)?;
            self.made += hosts.iter().map(Host::length).sum::<usize>();
            if self.made > MOST_MADE_IN_ALL.max(4 * self.stored) {
                return Err(named(format!(
                    "is one of many that make {} numbers of few",
                    self.made
                )));
            }
            return Ok(hosts.into_iter().map(Value::Host).collect());
        }
        if kind == "Shape"
            && let Some(Some(Value::Pixels(pixels))) = inputs.first()
        {
            self.folded += 1;
            let shape = part_of_shape(self.sizes_of(pixels), &attributes).map_err(named)?;
            return Ok(vec![Value::Host(shape)]);
        }
        let Some(operator) = operators::find(kind) else {
            return Err(format!("`{name}`"));
        };
        operator(&mut Job {
            importer: self,
            node,
            attributes,
            name: name.clone(),
        })
        .map_err(|problem| format!("`{name}` {problem}"))
    }

    fn describe_problems(&self) -> String {
        let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
        for (kind, problem) in &self.problems {
            match kinds.iter_mut().find(|(other, _)| other == kind) {
                Some((_, problems)) => problems.push(problem),
                None => kinds.push((kind, vec![problem])),
            }
        }
        let kinds: Vec<String> = kinds
            .into_iter()
            .map(|(kind, problems)| format!("{kind}{}: {}", operators::remark(kind), problems.join(", ")))
            .collect();
        let count = match self.problems.len() {
            1 => "1 node that is not supported".to_string(),
            count => format!("{count} nodes that are not supported"),
        };
        format!("has {count}: {}", kinds.join("; "))
    }
}

/// Which nodes the outputs depend on.
fn needed(file: &OnnxFile, outputs: &[&str]) -> Vec<bool> {
    let mut wanted: HashSet<&str> = outputs.iter().copied().collect();
    let mut needed = vec![false; file.nodes.len()];
    for (node, needed) in file.nodes.iter().zip(&mut needed).rev() {
        *needed = node.output.iter().any(|output| wanted.contains(output.as_str()));
        if *needed {
            wanted.extend(node.input.iter().map(String::as_str));
        }
    }
    needed
}
