//! Parameters that are trained: they stand one behind the other in one buffer, their gradients alike in
//! another, so that an optimiser is one call over both.

use std::collections::HashMap;

use super::Lowering;
use super::coefficients::Origin;
use crate::graph::{Graph, ParameterId};
use crate::kernels::{channel_sums, sum_partials};
use crate::program::{BufferId, Builder, Place};

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
    gradient: BufferId,
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

    pub(super) fn finish(self, program: &mut Builder) -> Trainable {
        program.buffers[self.weights.0].length = self.initial.len().max(1);
        Trainable {
            weights: self.weights,
            gradient: self.gradient,
            count: self.count,
            initial: self.initial,
        }
    }
}

impl Lowering<'_> {
    /// Adds the gradient of a parameter with one number per channel, or one for all of them: sums over the
    /// pixels of `gradient`, or of its product with `input`, as `mode` of [`channel_sums`] says.
    pub(super) fn add_channel_gradient(
        &mut self,
        label: String,
        parameter: ParameterId,
        input: Place,
        gradient: Place,
        mode: u32,
    ) {
        let params = channel_sums::Params::chunked(input.view, gradient.view, gradient.shape.into(), mode);
        let sums = params.chunks() as usize * gradient.shape.c;
        let partials = self.program.add_buffer(format!("partial sums of {label}"), sums);
        self.program.add_call(
            label.clone(),
            params,
            [
                (mode != channel_sums::GRADIENT).then_some(input.buffer),
                Some(gradient.buffer),
            ],
            &[partials],
        );
        // A number for all channels is summed over them too.
        let length = self.graph.data(parameter).len();
        self.add_partials(label, partials, sums / length, parameter, length);
    }

    /// Adds up partial sums, `chunks` of each of the parameter's `length` numbers, to its gradient.
    pub(super) fn add_partials(
        &mut self,
        label: String,
        partials: BufferId,
        chunks: usize,
        parameter: ParameterId,
        length: usize,
    ) {
        let Some(trainable) = &mut self.trainable else {
            return;
        };
        let accumulate = std::mem::replace(&mut trainable.begun[parameter.0], true);
        self.program.add_call(
            format!("{label}, summed"),
            sum_partials::Params {
                length: length as u32,
                chunks: chunks as u32,
                offset: trainable.offsets[parameter.0] as u32,
                accumulate: accumulate as u32,
            },
            &[partials],
            &[trainable.gradient],
        );
    }
}
