//! An ONNX file as it stands: nodes in an order in which they can be computed, numbers, inputs and outputs. What the
//! nodes mean is no matter of this file.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use rten_onnx::onnx::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use rten_onnx::protobuf::ProtobufError;

use super::host::Host;
use super::nesting::check_nesting;
use super::tensor::{Folder, read_tensor};
use crate::files;

/// The versions of the standard operators that are read.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=26;

/// What an ONNX file holds.
pub(super) struct OnnxFile {
    /// In an order in which they can be computed.
    pub nodes: Vec<NodeProto>,
    /// Numbers by name.
    pub constants: HashMap<String, Host>,
    /// The inputs that are not numbers of the file.
    pub inputs: Vec<Declared>,
    /// The outputs' names.
    pub outputs: Vec<String>,
    /// The version of the standard operators.
    pub opset: i64,
    /// The program that wrote the file, if it says so.
    pub producer: String,
    /// Whether some numbers stand in other files.
    pub external: bool,
    /// Whether numbers were stored as float16.
    pub halves: bool,
    /// The folder that it lies in, if it is a file.
    pub folder: Option<PathBuf>,
}

/// An input as the file declares it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Declared {
    pub name: String,
    /// The extents, each a number or a name for any number; nothing if the file does not say.
    pub dims: Option<Vec<Option<usize>>>,
}

impl OnnxFile {
    /// Reads a file; files that it refers to lie in its folder.
    pub fn open(path: &Path) -> Result<OnnxFile, String> {
        // The map is gone before the numbers come: they are read from the file one by one.
        check_nesting(&files::map(path)?)?;
        let file = File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
        let model = ModelProto::parse_file(file).map_err(unsound)?;
        OnnxFile::of(model, path.parent())
    }

    /// Reads a file's bytes, which refer to no other files.
    pub fn read(bytes: &[u8]) -> Result<OnnxFile, String> {
        check_nesting(bytes)?;
        OnnxFile::of(ModelProto::parse_buf(bytes).map_err(unsound)?, None)
    }

    fn of(model: ModelProto, folder: Option<&Path>) -> Result<OnnxFile, String> {
        let opset = opset(&model)?;
        let producer = [model.producer_name, model.producer_version];
        let producer = producer.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let graph = model.graph.ok_or("holds no graph; export or download it again")?;
        let GraphProto {
            node,
            initializer,
            input,
            output,
            ..
        } = graph;
        let folder = folder.map(Path::to_path_buf);
        let data = Folder::new(folder.as_deref());
        let external = initializer.iter().any(|tensor| !tensor.external_data.is_empty());
        let halves = initializer
            .iter()
            .any(|tensor| tensor.data_type == Some(rten_onnx::onnx::DataType::FLOAT16));
        let mut constants = read_constants(initializer, &data)?;
        let node = take_constants(node, &mut constants, &data)?;
        let inputs = input
            .iter()
            .filter(|value| !constants.contains_key(name_of(value)))
            .map(declared)
            .collect::<Vec<_>>();
        let known: HashSet<&str> = constants
            .keys()
            .map(String::as_str)
            .chain(inputs.iter().map(|input| input.name.as_str()))
            .collect();
        let nodes = in_order(node, known)?;
        Ok(OnnxFile {
            nodes,
            inputs,
            constants,
            outputs: output.iter().map(|value| name_of(value).to_string()).collect(),
            opset,
            producer,
            external,
            halves,
            folder,
        })
    }
}

fn unsound(error: ProtobufError) -> String {
    format!("is no sound ONNX file ({error}); export or download it again")
}

/// Takes the numbers out of nodes that are nothing else, so that they are not held twice.
fn take_constants(
    nodes: Vec<NodeProto>,
    constants: &mut HashMap<String, Host>,
    folder: &Folder,
) -> Result<Vec<NodeProto>, String> {
    let mut rest = Vec::with_capacity(nodes.len());
    for mut node in nodes {
        let tensor = match (node.op_type.as_deref(), &mut node.attribute[..]) {
            (Some("Constant"), [attribute]) => attribute.t.take(),
            _ => None,
        };
        match (tensor, node.output.first()) {
            (Some(tensor), Some(name)) => {
                let host = read_tensor(tensor, folder)
                    .map_err(|problem| format!("its tensor `{name}` {problem}"))?;
                if constants.insert(name.clone(), host).is_some() {
                    return Err(format!("computes `{name}` twice"));
                }
            }
            _ => rest.push(node),
        }
    }
    Ok(rest)
}

fn opset(model: &ModelProto) -> Result<i64, String> {
    let standard = model
        .opset_import
        .iter()
        .find(|set| matches!(set.domain.as_deref(), None | Some("" | "ai.onnx")));
    let version = standard
        .and_then(|set| set.version)
        .ok_or("names no version of the standard operators (opset)")?;
    match OPSETS.contains(&version) {
        true => Ok(version),
        false => Err(format!(
            "is of opset {version}; opsets {} to {} are read. Export it again with opset_version=17",
            OPSETS.start(),
            OPSETS.end()
        )),
    }
}

fn read_constants(tensors: Vec<TensorProto>, folder: &Folder) -> Result<HashMap<String, Host>, String> {
    let mut constants = HashMap::with_capacity(tensors.len());
    // One by one, so that a tensor's bytes are freed before the next one's numbers are made.
    for tensor in tensors {
        let name = tensor.name.clone().unwrap_or_default();
        let host = read_tensor(tensor, folder).map_err(|problem| format!("its tensor `{name}` {problem}"))?;
        if constants.insert(name.clone(), host).is_some() {
            return Err(format!("has two tensors called `{name}`"));
        }
    }
    Ok(constants)
}

fn name_of(value: &ValueInfoProto) -> &str {
    value.name.as_deref().unwrap_or_default()
}

fn declared(value: &ValueInfoProto) -> Declared {
    let shape = value
        .r#type
        .as_ref()
        .and_then(|kind| kind.tensor_type.as_ref())
        .and_then(|tensor| tensor.shape.as_ref());
    Declared {
        name: name_of(value).to_string(),
        dims: shape.map(|shape| {
            let dims = shape.dim.iter();
            dims.map(|dim| {
                dim.dim_value
                    .and_then(|value| usize::try_from(value).ok())
                    .filter(|&value| value > 0)
            })
            .collect()
        }),
    }
}

/// The nodes in an order in which they can be computed: files should have them so, and some have not.
fn in_order(nodes: Vec<NodeProto>, known: HashSet<&str>) -> Result<Vec<NodeProto>, String> {
    let mut writers: HashMap<&str, usize> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            if writers.insert(output, index).is_some() || known.contains(output.as_str()) {
                return Err(format!("computes `{output}` twice"));
            }
        }
    }
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut missing = vec![0usize; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            match writers.get(input.as_str()) {
                Some(&writer) => {
                    readers[writer].push(index);
                    missing[index] += 1;
                }
                None if known.contains(input.as_str()) => {}
                None => {
                    return Err(format!(
                        "its node `{}` reads `{input}`, which nothing in the file computes",
                        label(node)
                    ));
                }
            }
        }
    }
    // Always the first in the file's order that is ready.
    let mut ready: std::collections::BTreeSet<usize> =
        (0..nodes.len()).filter(|&index| missing[index] == 0).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(index) = ready.pop_first() {
        order.push(index);
        for &reader in &readers[index] {
            missing[reader] -= 1;
            if missing[reader] == 0 {
                ready.insert(reader);
            }
        }
    }
    if order.len() < nodes.len() {
        let stuck = (0..nodes.len()).find(|&index| missing[index] > 0);
        let name = stuck.map_or(String::new(), |index| label(&nodes[index]));
        return Err(format!("its node `{name}` depends on itself"));
    }
    let mut nodes: Vec<Option<NodeProto>> = nodes.into_iter().map(Some).collect();
    Ok(order
        .into_iter()
        .filter_map(|index| nodes[index].take())
        .collect())
}

/// What a node is called in messages: its name, or what it writes.
pub(super) fn label(node: &NodeProto) -> String {
    match (&node.name, node.output.first()) {
        (Some(name), _) if !name.is_empty() => name.clone(),
        (_, Some(output)) => output.clone(),
        _ => String::new(),
    }
}
