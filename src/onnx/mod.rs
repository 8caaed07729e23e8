//! ONNX files: any network for images of rows and columns whose operators have a gradient.
//!
//! With the sizes of an input known, everything off the pixels' path is numbers, which are computed here
//! ([`folding`]); what is left are the operators that pixels go through, each of which becomes one or a few of the graph's
//! ([`operators`]). Sizes are followed at several input sizes at once ([`host`]), so that the graph works at any size
//! that the network takes.

mod attributes;
mod axes;
mod file;
mod folding;
mod host;
mod import;
mod job;
mod nesting;
mod nodes;
mod operators;
mod sizes;
mod tensor;

use std::collections::HashMap;
use std::path::Path;

use rten_onnx::onnx::NodeProto;

use file::{Declared, OnnxFile};
use host::{PROBES, probes};
use import::{Importer, Pixels, Value};

use crate::graph::ops::{Function, Op, Operator, Pointwise, Softmax, Transpose};
use crate::graph::{Graph, NodeId, Raised, raised};
use crate::program::MOST_ELEMENTS;

/// What was read of an ONNX file.
#[derive(Clone, Debug)]
pub(crate) struct Imported {
    /// The network; its output is the logits.
    pub graph: Graph,
    /// The node that the file names as its output: behind the logits, if the file ends in a softmax or a sigmoid.
    pub published: NodeId,
    /// What was recognised, in a few words.
    pub name: String,
    /// What was taken off, folded and left out.
    pub remarks: Vec<String>,
}

/// What is said of a file that does not say it itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct ImportOptions<'a> {
    /// Which of several outputs.
    pub output: Option<&'a str>,
}

/// Sides of inputs at which networks are looked at: multiples of what networks halve, of other rows than columns.
const SIDES: [[[usize; 2]; PROBES]; 4] = [
    [[128, 192], [192, 320], [320, 128]],
    [[512, 768], [768, 1280], [1280, 512]],
    [[224, 448], [448, 672], [672, 224]],
    [[288, 480], [480, 864], [864, 288]],
];

/// Reads a network from a file; files that it refers to lie in its folder.
///
/// # Errors
/// If it is no sound ONNX file, or no network that can be attacked, in words that stand after the file's name.
pub(crate) fn open(path: &Path, options: &ImportOptions<'_>) -> Result<Imported, String> {
    import(&OnnxFile::open(path)?, options)
}

/// Reads a network from a file's bytes, which refer to no other files.
///
/// # Errors
/// Those of [`open`].
pub(crate) fn read(bytes: &[u8], options: &ImportOptions<'_>) -> Result<Imported, String> {
    import(&OnnxFile::read(bytes)?, options)
}

fn import(file: &OnnxFile, options: &ImportOptions<'_>) -> Result<Imported, String> {
    let input = image_input(file)?;
    let layout = Layout::of(file, input)?;
    let mut problem = String::new();
    for shapes in layout.probes() {
        match attempt(file, options, input, &layout, shapes) {
            Ok(imported) => return Ok(imported),
            // The first is told: it is of the sizes that most networks take.
            Err(other) if problem.is_empty() => problem = other,
            Err(_) => {}
        }
    }
    Err(problem)
}

/// The input that is the image.
fn image_input(file: &OnnxFile) -> Result<&Declared, String> {
    match &file.inputs[..] {
        [only] => Ok(only),
        [] => Err("has no input".into()),
        several => {
            let names: Vec<String> = several.iter().map(|input| format!("`{}`", input.name)).collect();
            Err(format!(
                "has {} inputs ({}); networks with one image as input are supported. Export a wrapper whose forward \
                 takes the image alone",
                several.len(),
                names.join(", ")
            ))
        }
    }
}

/// How an input is laid out, and what of its extents is fixed.
struct Layout {
    channels: usize,
    samples: Option<usize>,
    sides: [Option<usize>; 2],
    /// Whether channels stand last.
    channels_last: bool,
}

impl Layout {
    fn of(file: &OnnxFile, input: &Declared) -> Result<Layout, String> {
        let dims = input.dims.clone().ok_or_else(|| {
            format!(
                "does not say the shape of its input `{}`; export it with an example input",
                input.name
            )
        })?;
        let &[samples, one, two, three] = &dims[..] else {
            let dims: Vec<String> = dims
                .iter()
                .map(|dim| dim.map_or("?".into(), |dim| dim.to_string()))
                .collect();
            return Err(format!(
                "has an input `{}` of shape [{}]; networks on images of [samples, channels, rows, columns] are supported",
                input.name,
                dims.join(", ")
            ));
        };
        let mut readers = file.nodes.iter().filter(|node| node.input.contains(&input.name));
        let moves_channels = |node: &NodeProto| {
            let attributes = attributes::Attributes::of(node, None);
            node.op_type.as_deref() == Some("Transpose")
                && attributes
                    .integers("perm")
                    .is_ok_and(|order| order.as_deref() == Some(&[0, 3, 1, 2]))
        };
        let channels_last = readers.clone().next().is_some() && readers.all(moves_channels);
        let (channels, sides) = match channels_last {
            false => (one, [two, three]),
            true => (three, [one, two]),
        };
        let channels = channels.ok_or_else(|| {
            format!(
                "does not say how many channels its input `{}` has; export it with a fixed number",
                input.name
            )
        })?;
        let most = SIDES.as_flattened().as_flattened().iter().max();
        let open = most.copied().unwrap_or(1);
        let extents = [
            samples.unwrap_or(1),
            channels,
            sides[0].unwrap_or(open),
            sides[1].unwrap_or(open),
        ];
        let elements = extents
            .iter()
            .try_fold(1usize, |product, &extent| product.checked_mul(extent));
        if elements.is_none_or(|elements| elements as u64 > MOST_ELEMENTS) {
            return Err(format!(
                "has an input `{}` of {extents:?}, which are too many pixels",
                input.name
            ));
        }
        Ok(Layout {
            channels,
            samples,
            sides,
            channels_last,
        })
    }

    /// Shapes at which to look, one set after the other until the network takes them.
    fn probes(&self) -> Vec<[crate::tensor::Shape; PROBES]> {
        let samples = match self.samples {
            Some(samples) => [samples; PROBES],
            None => [1, 2, 1],
        };
        let fixed = |sides: [[usize; 2]; PROBES]| {
            sides.map(|[rows, columns]| [self.sides[0].unwrap_or(rows), self.sides[1].unwrap_or(columns)])
        };
        SIDES
            .iter()
            .map(|&sides| probes(self.channels, fixed(sides), samples))
            .collect()
    }
}

fn attempt(
    file: &OnnxFile,
    options: &ImportOptions<'_>,
    input: &Declared,
    layout: &Layout,
    shapes: [crate::tensor::Shape; PROBES],
) -> Result<Imported, String> {
    let size = match layout.sides {
        [Some(rows), Some(columns)] => Some([rows, columns]),
        _ => None,
    };
    let graph = Graph::with_input(layout.channels, size);
    let mut importer = Importer::new(file, graph, shapes);
    let image = importer.graph.input();
    let dims = match layout.channels_last {
        false => [0, 1, 2, 3],
        true => [0, 2, 3, 1],
    };
    let node = match layout.channels_last {
        false => image,
        true => importer.add("channels last", Transpose { axes: dims }, &[image])?,
    };
    let value = Pixels {
        node,
        dims: dims
            .map(|axis| shapes.map(|shape| host::sides(shape)[axis]))
            .into(),
    };
    importer.set(&input.name, Value::Pixels(value));

    let outputs = chosen_outputs(file, options)?;
    let writers = writers(file);
    let ends: Vec<End> = outputs.iter().map(|output| End::of(&writers, output)).collect();
    let names: Vec<&str> = ends.iter().map(|end| end.value.as_str()).collect();
    importer.run(&names)?;
    let (index, published) = output_of_image_size(&mut importer, &names, shapes)?;
    let mut remarks = Vec::new();
    remarks.extend(ends[index].remark.clone());
    if file.outputs.len() > 1 {
        let others: Vec<String> = file
            .outputs
            .iter()
            .filter(|name| **name != outputs[index])
            .map(|name| format!("`{name}`"))
            .collect();
        remarks.push(format!(
            "output `{}`, leaving out {}",
            outputs[index],
            others.join(", ")
        ));
    }
    let logits = before_the_probabilities(&importer.graph, published, &mut remarks);
    if layout.channels_last {
        remarks.push("channels come last in its input".into());
    }
    if file.external {
        remarks.push("weights in another file".into());
    }
    if file.halves {
        remarks.push("float16 weights raised to float32".into());
    }
    if importer.folded > 0 {
        remarks.push(format!("{} nodes folded", importer.folded));
    }
    if let Some([rows, columns]) = size {
        remarks.push(format!("exported for images of {columns}×{rows} pixels alone"));
    }
    let mut graph = importer.graph;
    graph.set_output(logits).map_err(|error| error.to_string())?;
    let Raised { graph, kept, found } = raised(&graph, &[published]);
    let published = kept.first().copied().unwrap_or(graph.output());
    if !found.is_empty() {
        let found: Vec<String> = found
            .iter()
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        remarks.push(format!("raised to one node: {}", found.join(", ")));
    }
    let producer = match file.producer.is_empty() {
        true => String::new(),
        false => format!(" by {}", file.producer),
    };
    Ok(Imported {
        name: format!("ONNX network{producer}, opset {}", file.opset),
        graph,
        published,
        remarks,
    })
}

/// The output asked for, or all of them.
fn chosen_outputs(file: &OnnxFile, options: &ImportOptions<'_>) -> Result<Vec<String>, String> {
    match options.output {
        None if file.outputs.is_empty() => Err("has no output".into()),
        None => Ok(file.outputs.clone()),
        Some(name) if file.outputs.iter().any(|output| output == name) => Ok(vec![name.into()]),
        Some(name) => {
            let names: Vec<String> = file.outputs.iter().map(|output| format!("`{output}`")).collect();
            Err(format!("has no output `{name}`; there are {}", names.join(", ")))
        }
    }
}

/// Which node computes each value.
fn writers(file: &OnnxFile) -> HashMap<&str, &NodeProto> {
    let outputs = file
        .nodes
        .iter()
        .flat_map(|node| node.output.iter().map(move |output| (output.as_str(), node)));
    outputs.filter(|(output, _)| !output.is_empty()).collect()
}

/// The value that stands before what makes class indices of it.
struct End {
    value: String,
    remark: Option<String>,
}

impl End {
    /// Goes back from an output through what only gives other extents or kinds of numbers to what makes class indices.
    fn of(writers: &HashMap<&str, &NodeProto>, output: &str) -> End {
        let mut end = End {
            value: output.to_string(),
            remark: None,
        };
        let mut value = output;
        // No longer than there are nodes: none depends on itself.
        while let Some(writer) = writers.get(value) {
            let Some(input) = writer.input.first() else {
                return end;
            };
            let kind = writer.op_type.as_deref().unwrap_or_default();
            match kind {
                "ArgMax" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "LogSoftmax" => {
                    end.remark = Some(format!("its final {kind} taken off"));
                    end.value = input.clone();
                }
                "Cast" if to_whole(writer) => end.value = input.clone(),
                "Cast" | "Squeeze" | "Unsqueeze" | "Reshape" | "Identity" => {}
                _ => return end,
            }
            value = input;
        }
        end
    }
}

/// Whether a Cast makes whole numbers or truths of its input.
fn to_whole(cast: &NodeProto) -> bool {
    let attributes = attributes::Attributes::of(cast, None);
    !matches!(attributes.integer("to", 1), Ok(1 | 10 | 11 | 16))
}

/// The first of the outputs that has as many rows and columns as the image, or else the first that is an image.
fn output_of_image_size(
    importer: &mut Importer<'_>,
    names: &[&str],
    shapes: [crate::tensor::Shape; PROBES],
) -> Result<(usize, NodeId), String> {
    let mut images: Vec<(usize, NodeId)> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if let Some(Value::Pixels(pixels)) = importer.value(name) {
            let pixels = pixels.clone();
            // With the extents that the file gives it; with one axis left out, as the node has it.
            match pixels.rank() {
                4 => images.push((index, importer.own_shape(&pixels)?)),
                _ => images.push((index, pixels.node)),
            }
        }
    }
    let importer = &*importer;
    let size = |id: NodeId| importer.shapes(id).map(|shape| (shape.h, shape.w));
    // Channels last: seen through the transposition that makes them so.
    let seen = |id: NodeId| match (
        &importer.graph.nodes()[id.0].op,
        importer.graph.nodes()[id.0].inputs.first(),
    ) {
        (Op::Transpose(Transpose { axes: [0, 2, 3, 1] }), Some(&input)) => input,
        _ => id,
    };
    let images: Vec<(usize, NodeId)> = images.into_iter().map(|(index, id)| (index, seen(id))).collect();
    let of_image_size = images
        .iter()
        .find(|(_, id)| size(*id) == shapes.map(|shape| (shape.h, shape.w)));
    of_image_size
        .or(images
            .iter()
            .find(|(_, id)| size(*id).iter().all(|&(rows, columns)| rows > 1 && columns > 1)))
        .copied()
        .ok_or_else(|| {
            "has no output of rows and columns that depends on the image: no segmentation network".into()
        })
}

/// The logits: what stands before a final softmax over classes or a sigmoid.
fn before_the_probabilities(graph: &Graph, output: NodeId, remarks: &mut Vec<String>) -> NodeId {
    let node = &graph.nodes()[output.0];
    let probabilities = matches!(
        node.op,
        Op::Softmax(Softmax { axis: 1 })
            | Op::Pointwise(Pointwise {
                function: Function::Sigmoid
            })
    );
    match node.inputs.first() {
        Some(&logits) if probabilities => {
            let kind = match &node.op {
                Op::Pointwise(_) => "sigmoid".to_string(),
                op => op.kind().to_string(),
            };
            remarks.push(format!("the logits before its final {kind} are taken"));
            logits
        }
        _ => output,
    }
}
