//! The small arrays that kernels read beside their tensors: packed weights, bias and slope, scale and shift.
//! With fixed parameters they are constants; with parameters that are trained they are gathered from the
//! buffer of parameters each time, just before they are read.

use super::Lowering;
use crate::graph::{Graph, ParameterId};
use crate::kernels::gather;
use crate::program::BufferId;

/// Where one number of such an array comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    /// Number of a parameter.
    Parameter(ParameterId, usize),
    /// Always this.
    Fixed(f32),
}

impl Origin {
    /// The number, as the parameters stand in the graph.
    pub(super) fn value(&self, graph: &Graph) -> f32 {
        match *self {
            Origin::Parameter(id, index) => graph.data(id)[index],
            Origin::Fixed(value) => value,
        }
    }
}

impl Lowering<'_> {
    /// Adds an array of these numbers.
    pub(super) fn add_coefficients(&mut self, name: String, origins: Vec<Origin>) -> BufferId {
        let Some(trainable) = &mut self.trainable else {
            let values = origins.iter().map(|origin| origin.value(self.graph)).collect();
            return self.program.add_constant(name, values);
        };
        let indices = origins
            .iter()
            .map(|origin| f32::from_bits(trainable.index(*origin)))
            .collect();
        let source = trainable.weights;
        let indices = self.program.add_constant(format!("indices of {name}"), indices);
        let gathered = self.program.add_buffer(name.clone(), origins.len());
        self.program.add_call(
            name,
            gather::Params {
                length: origins.len() as u32,
            },
            &[source, indices],
            &[gathered],
        );
        gathered
    }
}
