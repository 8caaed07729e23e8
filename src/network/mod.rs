//! A network at one input size: its forward calls, and the adjoint calls that take a gradient of the output to the
//! gradient of the input, or of the parameters.
//!
//! Each node is lowered by its operator, by itself; what can be done in one call is put together afterwards, by what the
//! calls do (`rewrite`).

mod lowered;
mod lowering;
mod options;
mod placement;
pub(crate) mod rewrite;
mod running;
mod trainable;

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::program::Builder;
use crate::tensor::Shape;

use lowering::Lowering;

pub use lowered::Network;
pub use options::{Gradients, LoweringOptions, Precision};
pub use trainable::Trainable;

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
    let graph = graph.pruned();
    let graph = graph.as_ref();
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
