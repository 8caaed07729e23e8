//! A network in one file: safetensors with the graph as JSON in its metadata, so that whoever embeds it needs no importer.
//!
//! The metadata has two keys. `asma.network` is a JSON object: `version` (1), `name` and `read_as` (texts), `nodes` (each
//! with `name`, `op`, which is an object of one key, the operator, with its settings, and `inputs`, indices of earlier
//! nodes; node 0 is the input), `parameters` (the tensors' names, in the order in which operators count them), `output`
//! and `published` (indices: the logits, and what the network gives where it was trained). `asma.preprocessing` is a JSON
//! object too: `bounds`, `scale`, `mean`, `std`, `channel_order`, `grey`, see
//! [`Preprocessing`](super::Preprocessing); the graph takes what is so preprocessed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Model, Preprocessing};
use crate::checkpoint::{Checkpoint, WeightTensor};
use crate::error::{Error, Result};
use crate::graph::ops::{Input, MOST_SETTING};
use crate::graph::{Graph, NodeId, Op};

/// Metadata key of the graph.
pub(super) const NETWORK_KEY: &str = "asma.network";
/// Metadata key of the preprocessing.
pub(super) const PREPROCESSING_KEY: &str = "asma.preprocessing";
/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    name: String,
    read_as: String,
    nodes: Vec<StoredNode>,
    parameters: Vec<String>,
    output: usize,
    published: usize,
}

#[derive(Serialize, Deserialize)]
struct StoredNode {
    name: String,
    op: Op,
    inputs: Vec<usize>,
}

/// The metadata that a file of this network needs beside its tensors.
pub(super) fn metadata(model: &Model) -> Result<BTreeMap<String, String>> {
    let graph = &model.network;
    let stored = Stored {
        version: VERSION,
        name: model.name.clone(),
        read_as: model.read_as.clone(),
        nodes: graph
            .nodes()
            .iter()
            .map(|node| StoredNode {
                name: node.name.clone(),
                op: node.op.clone(),
                inputs: node.inputs.iter().map(|input| input.0).collect(),
            })
            .collect(),
        parameters: graph
            .parameters()
            .iter()
            .map(|parameter| parameter.name.clone())
            .collect(),
        output: graph.output().0,
        published: model.published.0,
    };
    let text =
        |error: serde_json::Error| Error::Network(format!("the network cannot be written as JSON: {error}"));
    Ok(BTreeMap::from([
        (
            NETWORK_KEY.to_string(),
            serde_json::to_string(&stored).map_err(text)?,
        ),
        (
            PREPROCESSING_KEY.to_string(),
            serde_json::to_string(&model.preprocessing).map_err(text)?,
        ),
    ]))
}

/// The whole network as a checkpoint.
pub(super) fn checkpoint(model: &Model) -> Result<Checkpoint> {
    let tensors = model.network.parameters().iter().map(|parameter| {
        let tensor = WeightTensor::new(parameter.shape.clone(), parameter.data.to_vec())?;
        Ok((parameter.name.clone(), tensor))
    });
    Checkpoint::from_tensors(tensors.collect::<Result<Vec<_>>>()?, metadata(model)?)
}

/// A network that [`checkpoint`] wrote: graph, published output, name, how it was read, preprocessing. Nothing if the
/// file holds no graph.
pub(super) fn read(checkpoint: &Checkpoint) -> Result<Option<StoredModel>> {
    let Some(text) = checkpoint.metadata().get(NETWORK_KEY) else {
        return Ok(None);
    };
    let damaged = |what: &str, error: &dyn std::fmt::Display| {
        checkpoint.error(format!(
            "its {what} cannot be read ({error}); it is damaged or of a later version, convert the network again"
        ))
    };
    let stored: Stored = serde_json::from_str(text).map_err(|error| damaged("graph", &error))?;
    if stored.version != VERSION {
        return Err(damaged(
            "graph",
            &format!("version {}, want {VERSION}", stored.version),
        ));
    }
    let preprocessing = match checkpoint.metadata().get(PREPROCESSING_KEY) {
        Some(text) => serde_json::from_str(text).map_err(|error| damaged("preprocessing", &error))?,
        None => Preprocessing::default(),
    };
    let graph = build(checkpoint, &stored).map_err(|error| match error {
        Error::Network(problem) => damaged("graph", &problem),
        other => other,
    })?;
    let published = NodeId(stored.published);
    if published.0 >= graph.nodes().len() {
        return Err(damaged("graph", &format!("no node {}", published.0)));
    }
    Ok(Some(StoredModel {
        graph,
        published,
        name: stored.name,
        read_as: stored.read_as,
        preprocessing,
    }))
}

/// What a file holds.
pub(super) struct StoredModel {
    pub graph: Graph,
    pub published: NodeId,
    pub name: String,
    pub read_as: String,
    pub preprocessing: Preprocessing,
}

fn build(checkpoint: &Checkpoint, stored: &Stored) -> Result<Graph> {
    let mut nodes = stored.nodes.iter();
    let Some(StoredNode {
        op: Op::Input(Input { channels, size }),
        ..
    }) = nodes.next()
    else {
        return Err(Error::Network("its first node is no input".into()));
    };
    let sides = size.unwrap_or([1, 1]);
    if ![*channels, sides[0], sides[1]]
        .iter()
        .all(|extent| (1..=MOST_SETTING).contains(extent))
    {
        return Err(Error::Network(format!(
            "its input has {channels} channels and the size {size:?}; want 1 to {MOST_SETTING} each"
        )));
    }
    let mut graph = Graph::with_input(*channels, *size);
    // Tensors that are used several times are read once.
    let mut known: HashMap<&str, Arc<Vec<f32>>> = HashMap::new();
    for name in &stored.parameters {
        let shape = checkpoint.shape_of(name).unwrap_or_default().to_vec();
        let data = match known.get(name.as_str()) {
            Some(data) => data.clone(),
            None => Arc::new(checkpoint.tensor(name)?.data),
        };
        known.insert(name, data.clone());
        graph.add_shared_parameter(name, &shape, data)?;
    }
    for node in nodes {
        let inputs: Vec<NodeId> = node.inputs.iter().map(|&input| NodeId(input)).collect();
        graph.add(&node.name, node.op.clone(), &inputs)?;
    }
    graph.set_output(NodeId(stored.output))?;
    Ok(graph)
}
