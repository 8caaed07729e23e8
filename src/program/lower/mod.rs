//! Lowers a network at one input size to a [`Program`]: its forward calls, and the adjoint calls that take a
//! gradient of the output to the gradient of the input, or of the parameters.
//!
//! Each operator has a file with its two halves, `forward` and `adjoint`.

mod add;
mod affine;
mod coefficients;
mod concat;
mod convolution;
mod fusion;
mod max_pool2d;
mod pad;
mod placement;
mod sigmoid;
mod slope;
mod softmax;
mod trainable;
mod upsample;
mod weights;

pub use trainable::Trainable;

use std::ops::Range;

use crate::error::{Error, Result};
use crate::graph::{Graph, Node, NodeId, Op};
use crate::kernels::{Extent, View, copy, fill};
use crate::program::{BufferId, Builder, CallId, Place, Program, memory};
use crate::tensor::Shape;

/// Which gradients the adjoint calls compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gradients {
    /// None: there are no adjoint calls.
    None,
    /// That of the input, with fixed parameters.
    Input,
    /// Those of all parameters, which then stand in a buffer that may change between runs.
    Parameters,
}

/// How a network's values, gradients and weights are stored. Input, output and their gradients are always float32, as
/// are all sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Float32.
    #[default]
    F32,
    /// Float16: half the memory and traffic, and 11 bits of a number instead of 24. Numbers from 65520 on become
    /// infinite, and below 6e-5 they have fewer bits the smaller they are, down to 0 below 3e-8: gradients that small,
    /// as behind a saturated softmax, are lost.
    F16,
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Precision::F32 => "f32",
            Precision::F16 => "f16",
        })
    }
}

/// What to lower.
#[derive(Clone, Copy, Debug)]
pub struct LoweringOptions {
    /// Which gradients to compute.
    pub gradients: Gradients,
    /// How values between input and output are stored; parameters that are trained are float32 all the same.
    pub precision: Precision,
    /// Bytes that no buffer should exceed if the lowering has a choice: a concatenation whose parts lie in
    /// one large buffer is then copied together instead.
    pub preferred_largest_buffer: u64,
}

impl Default for LoweringOptions {
    fn default() -> Self {
        LoweringOptions {
            gradients: Gradients::Input,
            precision: Precision::F32,
            preferred_largest_buffer: wgpu::Limits::default().max_storage_buffer_binding_size,
        }
    }
}

/// A network lowered at one input size: with its program, or with the builder of one to which more can be added.
#[derive(Clone, Debug)]
pub struct Network<P = Program> {
    /// Its calls and buffers.
    pub program: P,
    /// The forward calls: from the input to the logits.
    pub forward: Range<CallId>,
    /// The adjoint calls: from the seed to the gradient. Empty if no adjoint was asked for.
    pub adjoint: Range<CallId>,
    /// Where the input stands, dense; the caller writes it.
    pub input: Place,
    /// Where the output stands after the forward calls.
    pub logits: Place,
    /// Where the caller writes the gradient of the output, dense; only with an adjoint. The adjoint calls may
    /// change it.
    pub seed: Option<Place>,
    /// Where the gradient of the input stands after the adjoint calls, dense; only with
    /// [`Gradients::Input`].
    pub gradient: Option<Place>,
    /// The parameters and their gradients; only with [`Gradients::Parameters`].
    pub trainable: Option<Trainable>,
}

/// Lowers `graph` for inputs of shape `input`.
///
/// # Errors
/// If the network cannot take this size, naming the nearest sizes that it can, or a tensor has more elements
/// than shaders can index.
pub fn lower(graph: &Graph, input: Shape, options: LoweringOptions) -> Result<Network> {
    let network = lower_open(graph, input, options)?;
    Ok(Network {
        program: network.program.finish()?,
        forward: network.forward,
        adjoint: network.adjoint,
        input: network.input,
        logits: network.logits,
        seed: network.seed,
        gradient: network.gradient,
        trainable: network.trainable,
    })
}

/// The same, for who adds calls before the program is finished.
///
/// # Errors
/// As [`lower`].
pub fn lower_open(graph: &Graph, input: Shape, options: LoweringOptions) -> Result<Network<Builder>> {
    let shapes = graph.shapes(input).map_err(|error| {
        let nearest = graph.nearest_sizes(input);
        if nearest.is_empty() || input.c != graph.input_channels() {
            return error;
        }
        let sizes: Vec<_> = nearest.iter().map(|(h, w)| format!("{h}×{w}")).collect();
        Error::Network(format!(
            "{error}; the nearest sizes it takes: {}",
            sizes.join(", ")
        ))
    })?;
    let mut lowering = Lowering::new(graph, shapes, options)?;
    lowering.forward()?;
    let forward = 0..lowering.program.calls().len();
    let logits = lowering.place(graph.output())?;
    let input = lowering.place(graph.input())?;
    let mut pinned = vec![input.buffer, logits.buffer];
    let (seed, gradient) = match options.gradients {
        Gradients::None => (None, None),
        Gradients::Input | Gradients::Parameters => {
            let (seed, gradient) = lowering.adjoint()?;
            pinned.push(seed.buffer);
            pinned.extend(gradient.map(|gradient| gradient.buffer));
            (Some(seed), gradient)
        }
    };
    let adjoint = forward.end..lowering.program.calls().len();
    let trainable = lowering
        .trainable
        .take()
        .map(|parameters| parameters.finish(&mut lowering.program));
    pinned.extend(
        trainable
            .iter()
            .flat_map(|trainable| [trainable.weights, trainable.gradient]),
    );
    if options.precision == Precision::F16 {
        lowering.program.store_as_halves(&pinned);
    }
    let (program, renamed) = memory::share(lowering.program, &pinned);
    let moved = |place: Place| Place {
        buffer: renamed[&place.buffer],
        ..place
    };
    Ok(Network {
        program,
        forward,
        adjoint,
        input: moved(input),
        logits: moved(logits),
        seed: seed.map(moved),
        gradient: gradient.map(moved),
        trainable: trainable.map(|trainable| Trainable {
            weights: renamed[&trainable.weights],
            gradient: renamed[&trainable.gradient],
            ..trainable
        }),
    })
}

/// The state of a lowering under way.
struct Lowering<'g> {
    graph: &'g Graph,
    shapes: Vec<Shape>,
    program: Builder,
    /// Which nodes a node's calls compute with it.
    fusions: fusion::Fusions,
    /// Where each node's values lie. `None` for a node that is fused into a later one.
    places: Vec<Option<Place>>,
    /// For each buffer of values, the buffer of their gradients, laid out alike.
    gradient_buffers: Vec<Option<BufferId>>,
    /// Whether the gradient of a node's values has been written, so that more must be added to it.
    gradient_begun: Vec<bool>,
    /// How each concatenation came about.
    joins: placement::Joins,
    /// The parameters, if they are to be trained.
    trainable: Option<trainable::Parameters>,
}

impl<'g> Lowering<'g> {
    fn new(graph: &'g Graph, shapes: Vec<Shape>, options: LoweringOptions) -> Result<Self> {
        if let Some((node, shape)) = graph
            .nodes()
            .iter()
            .zip(&shapes)
            .find(|(_, shape)| shape.elements() > u32::MAX as usize / 4)
        {
            return Err(Error::Network(format!(
                "layer `{}` of shape {shape} has more than 2^30 elements; use a smaller input or batch",
                node.name
            )));
        }
        let fusions = fusion::Fusions::find(graph, options.gradients);
        let mut program = Builder::new();
        let trainable = (options.gradients == Gradients::Parameters)
            .then(|| trainable::Parameters::new(graph, &mut program));
        let (places, joins) = placement::place_all(graph, &shapes, &fusions, options, &mut program);
        Ok(Lowering {
            graph,
            fusions,
            gradient_begun: vec![false; shapes.len()],
            shapes,
            program,
            places,
            gradient_buffers: Vec::new(),
            joins,
            trainable,
        })
    }

    /// Whether anyone wants the gradient of a node's values: training does without that of the input.
    fn wants_gradient(&self, id: NodeId) -> bool {
        self.trainable.is_none() || id != self.graph.input()
    }

    fn node(&self, id: NodeId) -> &'g Node {
        &self.graph.nodes()[id.0]
    }

    fn shape(&self, id: NodeId) -> Shape {
        self.shapes[id.0]
    }

    /// Where a node's values lie.
    fn place(&self, id: NodeId) -> Result<Place> {
        self.places[id.0].ok_or_else(|| {
            Error::Network(format!(
                "layer `{}` is fused into the next one and has no values of its own",
                self.node(id).name
            ))
        })
    }

    /// The places of a node's `index`th input and of its values.
    fn ends(&self, id: NodeId, index: usize) -> Result<(Place, Place)> {
        Ok((self.place(self.node(id).inputs[index])?, self.place(id)?))
    }

    fn forward(&mut self) -> Result<()> {
        for index in 0..self.graph.nodes().len() {
            let id = NodeId(index);
            if self.fusions.is_inner(id) {
                continue;
            }
            // A fused group is lowered by its first node's operator, and its values are the last one's.
            match &self.node(self.fusions.head(id)).op {
                Op::Input { .. } | Op::Crop => {}
                Op::Conv2d { .. } | Op::ConvTranspose2d { .. } => self.convolution(id)?,
                Op::Slope { .. } => self.slope(id)?,
                Op::MaxPool2d { .. } => self.max_pool2d(id)?,
                Op::Upsample { .. } => self.upsample(id)?,
                Op::Concat => self.concat(id)?,
                Op::Pad { .. } => self.pad(id)?,
                Op::Add => self.add(id)?,
                Op::Affine { .. } => self.affine(id)?,
                Op::Softmax => self.softmax(id)?,
                Op::Sigmoid => self.sigmoid(id)?,
            }
        }
        Ok(())
    }

    /// Lowers all adjoints, last node first. Returns where the caller writes the gradient of the output and, if
    /// it is asked for, where that of the input will stand.
    fn adjoint(&mut self) -> Result<(Place, Option<Place>)> {
        self.gradient_buffers = vec![None; self.program.buffers().len()];
        let output = self.graph.output();
        let seed = self.seed(output)?;
        for index in (0..self.graph.nodes().len()).rev() {
            let id = NodeId(index);
            if self.fusions.is_inner(id) || !self.gradient_begun[index] {
                continue;
            }
            match &self.node(self.fusions.head(id)).op {
                Op::Input { .. } | Op::Crop => {}
                Op::Conv2d { .. } | Op::ConvTranspose2d { .. } => self.convolution_adjoint(id)?,
                Op::Slope { .. } => self.slope_adjoint(id)?,
                Op::MaxPool2d { .. } => self.max_pool2d_adjoint(id)?,
                Op::Upsample { .. } => self.upsample_adjoint(id)?,
                Op::Concat => self.concat_adjoint(id)?,
                Op::Pad { .. } => self.pad_adjoint(id)?,
                Op::Add => self.add_adjoint(id)?,
                Op::Affine { .. } => self.affine_adjoint(id)?,
                Op::Softmax => self.softmax_adjoint(id)?,
                Op::Sigmoid => self.sigmoid_adjoint(id)?,
            }
        }
        if self.trainable.is_some() {
            return Ok((seed, None));
        }
        let input = self.graph.input();
        if !self.gradient_begun[input.0] {
            return Err(Error::Network(
                "the output does not depend on the input, so there is no gradient".into(),
            ));
        }
        Ok((seed, Some(self.gradient_place(input)?)))
    }

    /// Where the caller writes the gradient of the output: a dense tensor, which is the output's gradient
    /// itself if that is dense and nothing else lies in its buffer.
    fn seed(&mut self, output: NodeId) -> Result<Place> {
        let values = self.place(output)?;
        let length = self.program.buffers()[values.buffer.0].length;
        let whole = self
            .joins
            .regions(self.graph, output)
            .iter()
            .all(|region| !region.partly);
        if whole && values.view == View::dense(values.shape) && length == values.shape.elements() {
            // Dense and alone in its buffer, so that nothing needs to be filled or added to.
            let (gradient, _) = self.begin_gradient(output)?;
            return Ok(gradient);
        }
        let seed = self.program.add_tensor("seed", values.shape);
        let (gradient, accumulate) = self.begin_gradient(output)?;
        self.add_copy("seed", seed, gradient, accumulate);
        Ok(seed)
    }

    /// Where the gradient of a node's values lies: as the values do, in a buffer of gradients.
    fn gradient_place(&mut self, id: NodeId) -> Result<Place> {
        let values = self.place(id)?;
        let buffer = match self.gradient_buffers.get(values.buffer.0) {
            Some(Some(buffer)) => *buffer,
            _ => {
                let original = &self.program.buffers()[values.buffer.0];
                let (name, length) = (format!("gradient of {}", original.name), original.length);
                let buffer = self.program.add_buffer(name, length);
                if let Some(slot) = self.gradient_buffers.get_mut(values.buffer.0) {
                    *slot = Some(buffer);
                }
                buffer
            }
        };
        Ok(Place { buffer, ..values })
    }

    /// Where the gradient of a node's values is to be written, and whether it must be added to what stands
    /// there. A node whose values lie within those of others writes their gradients at the same time; what
    /// it leaves out of them is filled with zeros first.
    fn begin_gradient(&mut self, id: NodeId) -> Result<(Place, bool)> {
        let place = self.gradient_place(id)?;
        let regions = self.joins.regions(self.graph, id);
        let begun: Vec<bool> = regions
            .iter()
            .map(|region| self.gradient_begun[region.node.0])
            .collect();
        let accumulate = begun.contains(&true);
        for (region, begun) in regions.into_iter().zip(begun) {
            if !begun && (region.partly || accumulate) {
                self.add_fill(region)?;
            }
            self.gradient_begun[region.node.0] = true;
        }
        // A concatenation all of whose parts stand in place, and crops, are no region themselves.
        let (base, _) = placement::uncropped(self.graph, id);
        self.gradient_begun[base.0] = true;
        self.gradient_begun[id.0] = true;
        Ok((place, accumulate))
    }

    fn add_fill(&mut self, region: placement::Region) -> Result<()> {
        let whole = self.gradient_place(region.node)?;
        let place = match region.part {
            Some(index) => self.part(region.node, index, whole),
            None => whole,
        };
        let label = self.label(region.node, "adjoint zeros");
        self.program.add_call(
            label,
            fill::Params {
                output: place.view,
                extent: place.shape.into(),
                value: 0.0,
            },
            &[],
            &[place.buffer],
        );
        Ok(())
    }

    /// Copies or adds one tensor to another of the same shape.
    fn add_copy(&mut self, label: impl Into<String>, from: Place, to: Place, accumulate: bool) {
        self.program.add_call(
            label.into(),
            copy::Params {
                input: from.view,
                output: to.view,
                extent: Extent::from(from.shape),
                accumulate: accumulate as u32,
            },
            &[from.buffer],
            &[to.buffer],
        );
    }

    fn label(&self, id: NodeId, part: &str) -> String {
        let name = &self.node(self.fusions.head(id)).name;
        if part.is_empty() {
            name.clone()
        } else {
            format!("{name} {part}")
        }
    }
}
