//! Parameters that are trained: they stand one behind the other in one buffer, their gradients alike in
//! another, so that an optimiser is one call over both.

use std::collections::HashMap;

use crate::graph::{Graph, Origin, ParameterId};
use crate::program::{BufferId, Builder};

/// The parameters of a network lowered with [`Gradients::Parameters`](super::Gradients::Parameters).
#[derive(Clone, Debug)]
pub struct Trainable {
    /// Holds all parameters in the order of the graph, then fixed numbers that the calls need. The caller
    /// writes [`Trainable::initial`] to it before the first call, and may change the parameters at any time.
    pub weights: BufferId,
    /// Holds, after the adjoint calls, the gradient of each parameter where the parameter stands in `weights`.
    pub gradient: BufferId,
    /// Numbers of all parameters together, the length of `gradient`.
    pub count: usize,
    /// What stands in `weights` at first: the graph's parameters, then the fixed numbers.
    pub initial: Vec<f32>,
}

/// The parameters while they are lowered.
pub(super) struct Parameters {
    pub(super) weights: BufferId,
    pub(super) gradient: BufferId,
    /// Where each parameter begins.
    offsets: Vec<usize>,
    count: usize,
    initial: Vec<f32>,
    /// Where each fixed number stands, by its bits.
    fixed: HashMap<u32, usize>,
    /// Whether a parameter's gradient has been written, so that more must be added to it.
    begun: Vec<bool>,
}

impl Parameters {
    pub(super) fn new(graph: &Graph, program: &mut Builder) -> Parameters {
        let mut initial = Vec::with_capacity(graph.parameter_count());
        let mut offsets = Vec::new();
        for parameter in graph.parameters() {
            offsets.push(initial.len());
            initial.extend_from_slice(&parameter.data);
        }
        let count = initial.len();
        Parameters {
            // How many fixed numbers follow is known at the end.
            weights: program.add_buffer("parameters", count),
            gradient: program.add_buffer("gradient of the parameters", count),
            begun: vec![false; offsets.len()],
            offsets,
            count,
            initial,
            fixed: HashMap::new(),
        }
    }

    /// Where a number stands in the buffer of parameters.
    pub(super) fn index(&mut self, origin: Origin) -> u32 {
        let index = match origin {
            Origin::Parameter(id, index) => self.offsets[id.0] + index,
            Origin::Fixed(value) => *self.fixed.entry(value.to_bits()).or_insert_with(|| {
                self.initial.push(value);
                self.initial.len() - 1
            }),
        };
        index as u32
    }

    /// The buffers of parameters and of their gradients.
    pub(super) fn buffers(&self) -> [BufferId; 2] {
        [self.weights, self.gradient]
    }

    /// Where the gradient of a parameter is to be written, and whether it must be added to what stands there.
    pub(super) fn begin_gradient(&mut self, parameter: ParameterId) -> (usize, bool) {
        let begun = std::mem::replace(&mut self.begun[parameter.0], true);
        (self.offsets[parameter.0], begun)
    }

    pub(super) fn finish(self, program: &mut Builder) -> Trainable {
        program.lengthen(self.weights, self.initial.len());
        Trainable {
            weights: self.weights,
            gradient: self.gradient,
            count: self.count,
            initial: self.initial,
        }
    }
}
