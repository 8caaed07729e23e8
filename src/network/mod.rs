//! A network at one input size: its forward calls, and the adjoint calls that take a gradient of the output to the
//! gradient of the input, or of the parameters.
//!
//! Each node is lowered by its operator, by itself; what can be done in one call is put together afterwards, by what the
//! calls do ([`rewrite`]).

mod lowering;
mod placement;
pub(crate) mod rewrite;
mod trainable;

use std::ops::Range;

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::program::{Builder, CallId, Place, Program};
use crate::tensor::Shape;

use lowering::Lowering;
pub use trainable::Trainable;

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
    let mut lowering = Lowering::new(graph, shapes, options);
    lowering.forward()?;
    let ends = lowering.adjoint(options.gradients)?;
    Ok(lowering.finish(ends, options.precision))
}
