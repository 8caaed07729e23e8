//! Lowers a graph, node by node.

use std::collections::HashMap;

use super::lowered::Network;
use super::options::{Gradients, LoweringOptions, Precision};
use super::placement::{self, Joins, Region};
use super::rewrite::{Coefficients, rewrite};
use super::trainable::{Parameters, Trainable};
use crate::error::{Error, Result};
use crate::graph::ops::{Operator, Site};
use crate::graph::{Graph, Node, NodeId, Origin, Parameter, ParameterId};
use crate::kernels::{Params, View, copy, fill, gather, sum_partials};
use crate::program::{BufferId, Builder, Place};
use crate::tensor::Shape;

/// The state of a lowering under way.
pub(super) struct Lowering<'g> {
    graph: &'g Graph,
    program: Builder,
    /// Forward calls, once they are all there.
    forward: usize,
    /// Where each node's values lie.
    places: Vec<Place>,
    /// For each buffer of values, the buffer of their gradients, laid out alike.
    gradient_buffers: HashMap<BufferId, BufferId>,
    /// Whether the gradient of a node's values has been written, so that more must be added to it.
    gradient_begun: Vec<bool>,
    /// Whether somebody wants the gradient of a node's values.
    wanted: Vec<bool>,
    /// How each concatenation came about.
    joins: Joins,
    /// What each node keeps for its adjoint.
    kept: Vec<HashMap<&'static str, Place>>,
    /// Where the small arrays that kernels read beside their tensors come from.
    coefficients: HashMap<BufferId, Coefficients>,
    /// The parameters, if they are to be trained.
    trainable: Option<Parameters>,
}

/// Where the gradients begin and end.
pub(super) struct Ends {
    seed: Option<Place>,
    gradient: Option<Place>,
}

impl<'g> Lowering<'g> {
    pub(super) fn new(graph: &'g Graph, shapes: Vec<Shape>, options: LoweringOptions) -> Self {
        let mut program = Builder::new();
        let trainable =
            (options.gradients == Gradients::Parameters).then(|| Parameters::new(graph, &mut program));
        let (places, joins) = placement::place_all(graph, &shapes, options, &mut program);
        Lowering {
            graph,
            program,
            forward: 0,
            gradient_buffers: HashMap::new(),
            gradient_begun: vec![false; places.len()],
            wanted: wanted(graph, options.gradients),
            kept: vec![HashMap::new(); places.len()],
            places,
            joins,
            coefficients: HashMap::new(),
            trainable,
        }
    }

    fn node(&self, id: NodeId) -> &'g Node {
        &self.graph.nodes()[id.0]
    }

    /// Lowers all nodes.
    pub(super) fn forward(&mut self) -> Result<()> {
        for index in 0..self.graph.nodes().len() {
            let id = NodeId(index);
            self.node(id).op.forward(&mut NodeSite { lowering: self, id })?;
        }
        self.forward = self.program.calls().len();
        Ok(())
    }

    /// Lowers all adjoints, last node first.
    pub(super) fn adjoint(&mut self, gradients: Gradients) -> Result<Ends> {
        if gradients == Gradients::None {
            return Ok(Ends {
                seed: None,
                gradient: None,
            });
        }
        let seed = Some(self.seed(self.graph.output())?);
        for index in (0..self.graph.nodes().len()).rev() {
            let id = NodeId(index);
            if self.gradient_begun[index] && self.wanted[index] {
                self.node(id).op.adjoint(&mut NodeSite { lowering: self, id })?;
            }
        }
        if self.trainable.is_some() {
            return Ok(Ends { seed, gradient: None });
        }
        let input = self.graph.input();
        if !self.gradient_begun[input.0] {
            return Err(Error::Network(
                "the output does not depend on the input, so there is no gradient".into(),
            ));
        }
        let gradient = Some(self.gradient_place(input));
        Ok(Ends { seed, gradient })
    }

    /// Puts together what one call can do, and lets tensors share memory.
    pub(super) fn finish(mut self, ends: Ends, precision: Precision) -> Network<Builder> {
        let input = self.places[self.graph.input().0];
        let logits = self.places[self.graph.output().0];
        let Ends { seed, gradient } = ends;
        let parameters = self.trainable.as_ref().map(|parameters| parameters.buffers());
        let mut pinned: Vec<BufferId> = [Some(input), Some(logits), seed, gradient]
            .into_iter()
            .flatten()
            .map(|place| place.buffer)
            .collect();
        pinned.extend(parameters.into_iter().flatten());
        let forward = rewrite(&mut self.program, self.forward, &pinned, &self.coefficients);
        let trainable = self
            .trainable
            .take()
            .map(|parameters| parameters.finish(&mut self.program));
        if precision == Precision::F16 {
            self.program.store_as_halves(&pinned);
        }
        let (program, renamed) = self.program.share_memory(&pinned);
        let moved = |place: Place| Place {
            buffer: renamed[&place.buffer],
            ..place
        };
        Network {
            forward: 0..forward,
            adjoint: forward..program.calls().len(),
            program,
            input: moved(input),
            logits: moved(logits),
            seed: seed.map(moved),
            gradient: gradient.map(moved),
            trainable: trainable.map(|trainable| Trainable {
                weights: renamed[&trainable.weights],
                gradient: renamed[&trainable.gradient],
                ..trainable
            }),
        }
    }

    /// Where the caller writes the gradient of the output: a dense tensor, which is the output's gradient
    /// itself if that is dense and nothing else lies in its buffer.
    fn seed(&mut self, output: NodeId) -> Result<Place> {
        let values = self.places[output.0];
        let length = self.program.buffers()[values.buffer.0].length;
        let whole = self
            .joins
            .regions(self.graph, output)
            .iter()
            .all(|region| !region.partly);
        if whole && values.view == View::dense(values.shape) && length == values.shape.elements() {
            // Dense and alone in its buffer, so that nothing needs to be filled or added to.
            return Ok(self.begin_gradient(output).0);
        }
        let seed = self.program.add_tensor("seed", values.shape);
        let (gradient, accumulate) = self.begin_gradient(output);
        self.program.add_call(
            "seed",
            copy::Params {
                input: seed.view,
                output: gradient.view,
                extent: seed.shape.into(),
                accumulate: accumulate.into(),
            },
            &[seed.buffer],
            &[gradient.buffer],
        );
        Ok(seed)
    }

    /// Where the gradient of a node's values lies: as the values do, in a buffer of gradients.
    fn gradient_place(&mut self, id: NodeId) -> Place {
        let values = self.places[id.0];
        let program = &mut self.program;
        let buffer = *self.gradient_buffers.entry(values.buffer).or_insert_with(|| {
            let original = &program.buffers()[values.buffer.0];
            let (name, length) = (format!("gradient of {}", original.name), original.length);
            program.add_buffer(name, length)
        });
        Place { buffer, ..values }
    }

    /// Where the gradient of a node's values is to be written, and whether it must be added to what stands
    /// there. A node whose values lie within those of others writes their gradients at the same time; what
    /// it leaves out of them is filled with zeros first.
    fn begin_gradient(&mut self, id: NodeId) -> (Place, bool) {
        let place = self.gradient_place(id);
        let regions = self.joins.regions(self.graph, id);
        let begun: Vec<bool> = regions
            .iter()
            .map(|region| self.gradient_begun[region.node.0])
            .collect();
        let accumulate = begun.contains(&true);
        for (region, begun) in regions.into_iter().zip(begun) {
            if !begun && (region.partly || accumulate) {
                self.add_fill(region);
            }
            self.gradient_begun[region.node.0] = true;
        }
        // A concatenation all of whose parts stand in place, and crops and slices, are no region themselves.
        let (base, _) = placement::uncut(self.graph, id);
        self.gradient_begun[base.0] = true;
        self.gradient_begun[id.0] = true;
        (place, accumulate)
    }

    /// Whether the gradient of `id`, once it is complete, can be that of its input too: nobody else reads the input, both
    /// have a buffer of their own, and none is read or written from outside.
    fn can_pass_gradient(&self, id: NodeId, input: NodeId) -> bool {
        let fills_its_buffer = |id: NodeId| {
            let place = self.places[id.0];
            let length = self.program.buffers()[place.buffer.0].length;
            let regions = self.joins.regions(self.graph, id);
            regions.len() == 1
                && regions[0].node == id
                && place.view == View::dense(place.shape)
                && length == place.shape.elements()
        };
        let nodes = self.graph.nodes().iter();
        let readers = nodes.flat_map(|node| &node.inputs).filter(|&&read| read == input);
        let inside = |id: NodeId| ![self.graph.input(), self.graph.output()].contains(&id);
        self.wanted[input.0]
            && inside(id)
            && inside(input)
            && readers.count() == 1
            && self.places[id.0].shape == self.places[input.0].shape
            && fills_its_buffer(id)
            && fills_its_buffer(input)
    }

    fn add_fill(&mut self, region: Region) {
        let whole = self.gradient_place(region.node);
        let place = match region.part {
            Some(index) => self.part(region.node, index, whole),
            None => whole,
        };
        let label = format!("{} adjoint zeros", self.node(region.node).name);
        let params = fill::Params {
            output: place.view,
            extent: place.shape.into(),
            value: 0.0,
        };
        self.program.add_call(label, params, [None; 0], [place.buffer]);
    }

    /// The channels of a concatenation, given as `whole`, that its input `index` makes up.
    fn part(&self, id: NodeId, index: usize, whole: Place) -> Place {
        let inputs = &self.node(id).inputs;
        let before: usize = inputs[..index]
            .iter()
            .map(|input| self.places[input.0].shape.c)
            .sum();
        Place {
            view: whole.view.window(before, 0, 0),
            shape: self.places[inputs[index].0].shape,
            ..whole
        }
    }
}

/// Of each node, whether somebody wants the gradient of its values: who trains, of all that depends on a parameter, and
/// others of all that depends on the network's input.
fn wanted(graph: &Graph, gradients: Gradients) -> Vec<bool> {
    let mut wanted: Vec<bool> = Vec::with_capacity(graph.nodes().len());
    for (index, node) in graph.nodes().iter().enumerate() {
        let own = match gradients {
            Gradients::Parameters => !node.op.parameters().is_empty(),
            _ => NodeId(index) == graph.input(),
        };
        wanted.push(own || node.inputs.iter().any(|input| wanted[input.0]));
    }
    wanted
}

/// One node of a lowering.
struct NodeSite<'l, 'g> {
    lowering: &'l mut Lowering<'g>,
    id: NodeId,
}

impl NodeSite<'_, '_> {
    fn label(&self, part: &str) -> String {
        let name = &self.lowering.node(self.id).name;
        match part {
            "" => name.clone(),
            part => format!("{name} {part}"),
        }
    }

    fn input_node(&self, index: usize) -> Result<NodeId> {
        let node = self.lowering.node(self.id);
        node.inputs.get(index).copied().ok_or_else(|| {
            Error::Network(format!(
                "layer `{}` wants {} inputs, and has {}",
                node.name,
                index + 1,
                node.inputs.len()
            ))
        })
    }
}

impl Site for NodeSite<'_, '_> {
    fn input_count(&self) -> usize {
        self.lowering.node(self.id).inputs.len()
    }

    fn input(&self, index: usize) -> Result<Place> {
        Ok(self.lowering.places[self.input_node(index)?.0])
    }

    fn output(&self) -> Place {
        self.lowering.places[self.id.0]
    }

    fn is_in_place(&self, index: usize) -> bool {
        self.lowering.joins.is_in_place(self.id, index)
    }

    fn parameter(&self, id: ParameterId) -> Result<&Parameter> {
        let parameters = self.lowering.graph.parameters();
        parameters.get(id.0).ok_or_else(|| {
            Error::Network(format!(
                "layer `{}` wants parameter {}, and the network has {}",
                self.lowering.node(self.id).name,
                id.0,
                parameters.len()
            ))
        })
    }

    fn add(&mut self, part: &str, params: Params, buffers: Vec<Option<BufferId>>) {
        let label = self.label(part);
        self.lowering.program.add_call(label, params, buffers, [None; 0]);
    }

    fn coefficients(&mut self, what: &str, part: &str, origins: Vec<Origin>) -> BufferId {
        let name = format!("{what} of {}", self.label(part));
        let Lowering {
            graph,
            program,
            coefficients,
            trainable,
            ..
        } = self.lowering;
        let Some(trainable) = trainable else {
            let value = |origin: &Origin| match *origin {
                Origin::Parameter(id, index) => graph.data(id).get(index).copied().unwrap_or(0.0),
                Origin::Fixed(value) => value,
            };
            let buffer = program.add_constant(name, origins.iter().map(value).collect());
            coefficients.insert(buffer, Coefficients::Constant);
            return buffer;
        };
        let indices = origins
            .iter()
            .map(|origin| f32::from_bits(trainable.index(*origin)))
            .collect();
        let indices = program.add_constant(format!("indices of {name}"), indices);
        let gathered = program.add_buffer(name.clone(), origins.len());
        let params = gather::Params {
            length: origins.len() as u32,
        };
        program.add_call(name, params, &[trainable.weights, indices], &[gathered]);
        coefficients.insert(gathered, Coefficients::Gathered { indices });
        gathered
    }

    fn constant(&mut self, what: &str, part: &str, values: Vec<f32>) -> BufferId {
        let name = format!("{what} of {}", self.label(part));
        self.lowering.program.add_constant(name, values)
    }

    fn keep(&mut self, name: &'static str, place: Place) {
        self.lowering.kept[self.id.0].insert(name, place);
    }

    fn kept(&self, name: &str) -> Result<Place> {
        let kept = self.lowering.kept[self.id.0].get(name).copied();
        kept.ok_or_else(|| {
            Error::Network(format!(
                "layer `{}` kept no value `{name}` for its adjoint",
                self.lowering.node(self.id).name
            ))
        })
    }

    fn gradient(&mut self) -> Place {
        self.lowering.gradient_place(self.id)
    }

    fn begin_gradient(&mut self, index: usize) -> Result<Option<(Place, bool)>> {
        let input = self.input_node(index)?;
        match self.lowering.wanted[input.0] {
            true => Ok(Some(self.lowering.begin_gradient(input))),
            false => Ok(None),
        }
    }

    fn pass_gradient(&mut self, index: usize) -> Result<bool> {
        let input = self.input_node(index)?;
        let passes = self.lowering.can_pass_gradient(self.id, input);
        if passes {
            let values = self.lowering.places[input.0].buffer;
            let gradient = self.lowering.gradient_place(self.id).buffer;
            self.lowering.gradient_buffers.insert(values, gradient);
            self.lowering.gradient_begun[input.0] = true;
        }
        Ok(passes)
    }

    fn trains(&self) -> bool {
        self.lowering.trainable.is_some()
    }

    fn partial_sums(&mut self, part: &str, chunks: usize, length: usize) -> BufferId {
        let name = format!("partial sums of {}", self.label(part));
        self.lowering.program.add_buffer(name, chunks * length)
    }

    fn add_up(
        &mut self,
        part: &str,
        partials: BufferId,
        chunks: usize,
        parameter: ParameterId,
        length: usize,
    ) {
        let label = format!("{}, summed", self.label(part));
        let Some(trainable) = &mut self.lowering.trainable else {
            return;
        };
        let (offset, accumulate) = trainable.begin_gradient(parameter);
        let params = sum_partials::Params {
            length: length as u32,
            chunks: chunks as u32,
            offset: offset as u32,
            accumulate: accumulate.into(),
        };
        self.lowering
            .program
            .add_call(label, params, &[partials], &[trainable.gradient]);
    }
}
